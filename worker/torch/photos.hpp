// Photos sent through a pretrained network: what its layers make of them, and ImageNet's classes.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/data_options.hpp"
#include "common/trial/trial.hpp"
#include "worker/torch/photo_batches.hpp"
#include "worker/weights/registry.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

struct PhotoOptions {
    std::string backbone;
    WeightsRequest weights;
    std::string weights_dir;  // see weights_folders
    int image_size = 0;       // 0: the backbone's own
    ResizeMethod resize = ResizeMethod::squash;
    Interpolation interpolation = Interpolation::bilinear;
    bool grey = false;
    int shorter_side = 0;  // crop: it is made so long before image_size is cut out of the centre; 0: image_size
    int threads = 1;
};

class PhotoNetwork {
  public:
    /// Finds and reads the weights. Throws UserError for all that is wrong with the options.
    explicit PhotoNetwork(const PhotoOptions& options);

    const LayerGraph& graph() const { return graph_; }

    /// The output of the graph's first `layers` layers: [c, h, w], or pooled to a vector.
    void features(const std::vector<std::filesystem::path>& photos, int layers, std::optional<Pooling> pooling,
                  const KeepPhoto& keep) const;
    /// The probabilities of ImageNet's classes. Throws UserError where the weights have no classifier.
    void classify(const std::vector<std::filesystem::path>& photos, const KeepPhoto& keep) const;

  private:
    PhotoBatches pass_to(int layers, std::optional<Pooling> pooling) const;
    void decode(const std::filesystem::path& photo, std::uint8_t* pixels) const;
    void require_classifier() const;

    PhotoOptions options_;
    ResolvedWeights weights_;
    LayerGraph graph_;
    std::shared_ptr<const TensorMap> tensors_;
};

}  // namespace thaw
