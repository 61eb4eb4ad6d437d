// The table of backbones thaw knows, with the weights that are published of them; each family is one file beside this
// one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/backbones/published_weights.hpp"
#include "common/trial/trial.hpp"
#include "common/util/table.hpp"

namespace thaw {

struct BackboneInfo {
    std::string name;         // "mobilenet_v2"
    std::string family;       // "MobileNetV2"
    std::string reference;    // whose layer and tensor names and arithmetic it follows: "torchvision", "keras", ...
    int default_image_size;   // what its published weights were trained at
    int smallest_image_size;  // below it some layer's output would be empty
    double published_top1;    // ImageNet, 0.719 for 71.9%, from the reference's own table; 0 where none is published
    double published_top5 = 0;
};

/// All backbones, sorted by name.
const std::vector<BackboneInfo>& backbones();

/// Throws UserError with the nearest name where there is none.
const BackboneInfo& find_backbone(const std::string& name);

/// Of all backbones, with the backbone's name, in the order in which they are listed.
std::vector<std::pair<std::string, PublishedWeights>> published_weights();

/// Builds the graph for square images, the ImageNet classifier with `classes` outputs on top.
/// Throws UserError for an unknown name or an image too small (it says the smallest).
LayerGraph build_backbone(const std::string& name, int image_size, PaddingStyle padding, int classes = 1000);

/// The graph that a trial works with: its base ends where `until` says.
LayerGraph graph_of_trial(const Trial& trial, PaddingStyle padding);

/// How long one image takes on this machine, in milliseconds, up to the end of the base; nothing where it is not known.
struct StepTimes {
    using Milliseconds = std::function<std::optional<double>(const LayerGraph&)>;
    Milliseconds cpu = [](const LayerGraph&) { return std::nullopt; };
    Milliseconds gpu = cpu;
};

/// One row a backbone. Layers (as `freeze:` counts them) and cuts are the base's; MB are those of float32 weights.
Table backbones_table(const StepTimes& times = {});

/// `thaw backbones NAME`: the summary: every layer with number, name, kind, output shape, parameters, FLOPs, a mark at
/// each cut, and which layers `freeze` would freeze (none marked where it is empty); totals below, as Keras' summary().
std::string backbone_summary(const LayerGraph& graph, const std::string& freeze);

}  // namespace thaw
