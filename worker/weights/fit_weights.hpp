// Which of a weight file's tensors a backbone's layers take, and what is wrong where they do not fit.
#pragma once

#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "worker/weights/weights_file.hpp"

namespace thaw {

/// A tensor that a layer needs.
struct NeededTensor {
    std::string name;                 // "features.0.weight"
    std::vector<std::int64_t> shape;  // PyTorch's
    const Layer* layer = nullptr;
    bool base = true;  // not of the classifier on top
};

/// All that the graph needs, in the order of its layers.
std::vector<NeededTensor> needed_tensors(const LayerGraph& graph);

/// How a tensor of the file becomes one of the graph.
enum class Layout {
    same,
    conv,       // [height, width, in, out] -> [out, in, height, width]
    depthwise,  // [height, width, in, multiplier] -> [in * multiplier, 1, height, width]
    dense,      // [in, out] -> [out, in]; behind a flatten the rows are ordered height, width, channel
    ones,       // it is not in the file: batch-norm without a learned factor
};

struct PlacedTensor {
    NeededTensor needed;
    std::string source;  // in the file
    Layout layout = Layout::same;
    Shape flattened;  // dense behind a flatten: what was flattened; else one pixel
};

struct WeightsFit {
    std::vector<PlacedTensor> placed;
    std::vector<std::string> missing, misshapen;  // of the base
    std::vector<std::string> extra;               // what the graph has no place for
    std::string under;                            // what the names of those placed begin with: "state_dict.module."
    std::vector<std::string> also_under;          // where as many fit as well: "model_ema."
    bool fits() const { return missing.empty() && misshapen.empty(); }
    std::size_t placed_in_base() const;
};

/// By PyTorch's names or, where Keras wrote the file, by its layers' names or their order; whatever the network is
/// wrapped in. Of several that fit as well, an averaged one (EMA, SWA) comes last.
WeightsFit find_fit(const LayerGraph& graph, const WeightsFile& file);

/// The graph's tensors: all of the base, and what the file has of the classifier on top. Throws UserError with the
/// backbone, the path, the missing, misshapen and extra tensors, five of each, and the network that fits best; or with
/// the tensors that have nan or inf.
TensorMap fit_weights(const LayerGraph& graph, WeightsFile file, const std::string& path);

/// What of a file is taken and what is left, where that is to be told: the network is wrapped in something, or more
/// than one would fit. Else empty.
std::string taken_text(const WeightsFit& fit);

/// "'a.running_var' has 3 values that are no numbers (2 nan, 1 inf)", five such at most; empty where all are numbers.
std::string not_finite_text(const TensorMap& tensors);

/// A network by how much of it a file has.
struct NetworkMatch {
    std::string backbone;
    std::size_t placed = 0, needed = 0;  // tensors of the base
    std::size_t extra = 0;
    bool fits() const { return !backbone.empty() && placed == needed; }
};
/// Of all networks the one that most of the file fits, with empty name where none takes any of it.
NetworkMatch closest_network(const WeightsFile& file);

}  // namespace thaw
