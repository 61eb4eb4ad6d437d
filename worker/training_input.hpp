// What the models of a train stage look at: arrays as they stand, the view of each image that an epoch is to see, or
// windows of rows that are made when they are used.
#pragma once

#include <memory>
#include <optional>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/stage.hpp"
#include "worker/cache/array_file.hpp"
#include "worker/cache/view_rows.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/row_window.hpp"
#include "worker/torch/tail_model.hpp"

namespace thaw {

class TrainingInput {
  public:
    /// What it is made of must outlive it. `tensors`: the backbone's, where the stage makes features itself.
    /// `threads`: the rank's; how many of them the stage may use is decided here.
    TrainingInput(const TrainStage& stage, const Dataset& dataset, const LayerGraph& graph, const TensorMap* tensors,
                  int threads, Group* group);

    /// For every model of the stage.
    TailInput rows() const;
    /// Lets trainings load what they are about to use.
    void attach_to(Together& together);

  private:
    template <typename Element>
    typename RowWindow<Element>::Settings settings(std::int64_t elements) const;
    void compute_features(const TensorMap& tensors);
    void change_pixels();
    void look_at_views();

    const TrainStage& stage_;
    const Trial& trial_;  // its augmentation, cut and batch size are all trajectories'
    const Dataset& dataset_;
    const LayerGraph& graph_;
    Group* group_;
    int rank_threads_, threads_;
    ArrayFile array_;
    ViewRows views_;
    std::vector<int> places_;  // of each image, the row of the view that is to be seen
    std::optional<EpochPixels> pixels_;
    std::unique_ptr<FrozenNetwork> network_;
    std::optional<RowWindow<float>> features_;
    std::optional<RowWindow<std::uint8_t>> changed_;
};

}  // namespace thaw
