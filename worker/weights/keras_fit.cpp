#include "worker/weights/keras_fit.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "worker/weights/printable.hpp"

namespace thaw {
namespace {

/// What is one layer in Keras: neighbours of one name in the graph.
struct KerasGroup {
    std::string name, kind;
    bool base = true;
    std::vector<NeededTensor> needed;
};

const Layer& input_of(const LayerGraph& graph, const Layer& layer) {
    return graph.layers[static_cast<std::size_t>(layer.inputs.at(0))];
}

const char* class_of(const LayerGraph& graph, const Layer& layer) {
    switch (layer.kind) {
        case LayerKind::batch_norm:
            return "batch_normalization";
        case LayerKind::dense:
            return "dense";
        case LayerKind::conv:
            return layer.groups > 1 && layer.groups == input_of(graph, layer).output.channels ? "depthwise_conv2d"
                                                                                              : "conv2d";
        default:
            return "normalization";
    }
}

/// The layers that have weights in Keras, with Keras 3's count of each class.
std::vector<KerasGroup> keras_groups(const LayerGraph& graph) {
    std::vector<KerasGroup> groups;
    const Layer* last = nullptr;
    for (NeededTensor& needed : needed_tensors(graph)) {
        const Layer& layer = *needed.layer;
        if (layer.keras.empty()) continue;
        if (groups.empty() || groups.back().name != layer.keras)
            groups.push_back({layer.keras, class_of(graph, layer), needed.base, {}});
        else if (last != &layer && layer.kind == LayerKind::conv)
            groups.back().kind = "separable_conv2d";
        last = &layer;
        groups.back().needed.push_back(std::move(needed));
    }
    std::map<std::string, int> counts;
    for (KerasGroup& group : groups)
        if (const int number = counts[group.kind]++; number > 0) group.kind += "_" + std::to_string(number);
    return groups;
}

/// The shape in front of a dense layer's flatten; one pixel where there is none.
Shape flattened_shape(const LayerGraph& graph, const Layer& dense) {
    const Layer* layer = &input_of(graph, dense);
    while (layer->kind == LayerKind::dropout) layer = &input_of(graph, *layer);
    return layer->kind == LayerKind::flatten ? input_of(graph, *layer).output : layer->output;
}

struct Arrangement {
    Layout layout;
    std::vector<std::int64_t> shape;  // in the file
};

/// The ways Keras may store the tensor.
std::vector<Arrangement> arrangements(const LayerGraph& graph, const NeededTensor& needed) {
    const std::vector<std::int64_t>& to = needed.shape;
    if (to.size() == 4) {
        const std::int64_t in = input_of(graph, *needed.layer).output.channels;
        std::vector<Arrangement> ways = {{Layout::conv, {to[2], to[3], to[1], to[0]}}};
        if (to[1] == 1 && to[0] % in == 0)
            ways.insert(ways.begin(), {Layout::depthwise, {to[2], to[3], in, to[0] / in}});
        return ways;
    }
    // A classifier may be a convolution of one pixel there.
    if (to.size() == 2) return {{Layout::dense, {to[1], to[0]}}, {Layout::dense, {1, 1, to[1], to[0]}}};
    return {{Layout::same, to}};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

class Matching {
  public:
    Matching(const LayerGraph& graph, const WeightsFile& file) : graph_(graph), file_(file) {}

    /// `layer` null: the file has none.
    void match(const KerasGroup& group, const KerasLayer* layer) {
        if (!layer) return miss(group, group.name);
        std::vector<NeededTensor> needed = group.needed;
        const bool no_factor =
            needed.size() == 4 && layer->weights.size() == 3 && needed[0].layer->kind == LayerKind::batch_norm;
        if (no_factor) {
            fit_.placed.push_back({needed[0], "", Layout::ones, {}});
            needed.erase(needed.begin());
        }
        const bool counts = group.kind.starts_with("normalization");  // beside its mean and variance
        if (layer->weights.size() != needed.size() + (counts && layer->weights.size() > needed.size())) {
            if (group.base)
                fit_.misshapen.push_back(fmt::format("{} has {} weights, needs {}", printable(group.name),
                                                     layer->weights.size(), group.needed.size()));
            return;
        }
        for (std::size_t i = 0; i < layer->weights.size(); ++i) {
            used_.insert(layer->weights[i]);
            if (i < needed.size()) place(needed[i], layer->weights[i]);
        }
    }

    WeightsFit finish() {
        for (const KerasLayer& layer : file_.keras)
            for (const std::string& weight : layer.weights)
                if (used_.insert(weight).second) fit_.extra.push_back(printable(weight));
        return std::move(fit_);
    }

  private:
    void miss(const KerasGroup& group, const std::string& name) {
        if (!group.base) return;
        for (const NeededTensor& needed : group.needed)
            fit_.missing.push_back(name + needed.name.substr(needed.name.rfind('.')));
    }

    void place(const NeededTensor& needed, const std::string& source) {
        const std::vector<std::int64_t>& shape = file_.tensors.at(source).shape;
        const std::vector<Arrangement> ways = arrangements(graph_, needed);
        for (const Arrangement& way : ways) {
            if (way.shape != shape) continue;
            const bool dense = way.layout == Layout::dense;
            fit_.placed.push_back(
                {needed, source, way.layout, dense ? flattened_shape(graph_, *needed.layer) : Shape{}});
            return;
        }
        if (needed.base)
            fit_.misshapen.push_back(fmt::format("{} is {}, needs {}", printable(source), shape_text(shape),
                                                 shape_text(ways.front().shape)));
    }

    const LayerGraph& graph_;
    const WeightsFile& file_;
    WeightsFit fit_;
    std::set<std::string> used_;
};

using Layers = std::vector<const KerasLayer*>;

WeightsFit by_key(const LayerGraph& graph, const WeightsFile& file, const std::vector<KerasGroup>& groups,
                  const Layers& layers, std::string KerasLayer::*key, std::string KerasGroup::*wanted) {
    std::map<std::string, const KerasLayer*> known;
    for (const KerasLayer* layer : layers)
        if (!(layer->*key).empty()) known.emplace(layer->*key, layer);
    Matching matching(graph, file);
    for (const KerasGroup& group : groups) {
        const auto found = known.find(group.*wanted);
        matching.match(group, found == known.end() ? nullptr : found->second);
    }
    return matching.finish();
}

WeightsFit by_order(const LayerGraph& graph, const WeightsFile& file, const std::vector<KerasGroup>& groups,
                    const Layers& layers) {
    Matching matching(graph, file);
    for (std::size_t i = 0; i < groups.size(); ++i) matching.match(groups[i], i < layers.size() ? layers[i] : nullptr);
    return matching.finish();
}

/// Layers whose names say that they lie in models inside a model ("outer/base/conv1"), as layers of these.
std::deque<KerasLayer> layers_inside(const std::vector<KerasLayer>& layers) {
    constexpr int kDeepest = 4;
    std::deque<KerasLayer> inner;
    for (const KerasLayer& layer : layers) {
        std::size_t slash = layer.name.find('/');
        for (int depth = 0; slash != layer.name.npos && depth < kDeepest;
             slash = layer.name.find('/', slash + 1), ++depth)
            inner.push_back({layer.container + "/" + layer.name.substr(0, slash), layer.name.substr(slash + 1),
                             layer.kind, layer.weights});
    }
    return inner;
}

}  // namespace

WeightsFit find_keras_fit(const LayerGraph& graph, const WeightsFile& file) {
    const std::deque<KerasLayer> inner = layers_inside(file.keras);
    std::map<std::string, Layers> containers;
    for (const KerasLayer& layer : file.keras) containers[layer.container].push_back(&layer);
    for (const KerasLayer& layer : inner) containers[layer.container].push_back(&layer);
    const std::vector<KerasGroup> groups = keras_groups(graph);
    std::vector<WeightsFit> fits;
    const auto is_best = [&](const std::string& container, WeightsFit fit) {
        fit.under = container;
        fits.push_back(std::move(fit));
        return fits.back().fits();
    };
    // Names that Keras made up count on from model to model: where they are not the graph's, the order is what Keras
    // itself goes by, of all layers or, in Keras 3, of those of one class.
    for (const auto& [name, layers] : containers)
        if (is_best(name, by_key(graph, file, groups, layers, &KerasLayer::name, &KerasGroup::name)))
            return fits.back();
    for (const auto& [name, layers] : containers) {
        const bool counted = !layers.front()->kind.empty();
        if (is_best(name, counted ? by_key(graph, file, groups, layers, &KerasLayer::kind, &KerasGroup::kind)
                                  : by_order(graph, file, groups, layers)))
            return fits.back();
    }
    return *std::ranges::max_element(fits, {}, &WeightsFit::placed_in_base);
}

}  // namespace thaw
