#include "common/backbones/keras_order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace thaw {
namespace {

/// A layer of Keras: layers [begin, end) of ours.
struct KerasLayer {
    int begin, end;
    std::vector<int> inputs;  // other KerasLayers, in Keras' order
    int depth = 0;            // the longest way to the output
    int visit = -1;           // its turn in the walk
};

std::vector<KerasLayer> keras_layers(const LayerGraph& graph) {
    std::vector<KerasLayer> layers;
    std::vector<int> owner;
    for (int i = 0; i < static_cast<int>(graph.layers.size()); ++i) {
        if (continues_counted_layer(graph, i))
            layers.back().end = i + 1;
        else
            layers.push_back({i, i + 1, {}});
        owner.push_back(static_cast<int>(layers.size()) - 1);
    }
    for (int at = 0; at < static_cast<int>(layers.size()); ++at)
        for (int i = layers[at].end - 1; i >= layers[at].begin; --i)
            for (const int input : graph.layers[i].inputs)
                if (owner[input] != at) layers[at].inputs.push_back(owner[input]);
    return layers;
}

void walk(std::vector<KerasLayer>& layers, int at, int& visits) {
    if (layers[at].visit >= 0) return;
    layers[at].visit = visits++;
    for (const int input : layers[at].inputs) walk(layers, input, visits);
}

}  // namespace

void order_as_keras(LayerGraph& graph) {
    std::vector<KerasLayer> layers = keras_layers(graph);
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
        for (const int input : layer->inputs) layers[input].depth = std::max(layers[input].depth, layer->depth + 1);
    int visits = 0;
    walk(layers, static_cast<int>(layers.size()) - 1, visits);
    std::sort(layers.begin(), layers.end(), [](const KerasLayer& a, const KerasLayer& b) {
        return std::pair(-a.depth, a.visit) < std::pair(-b.depth, b.visit);
    });
    std::vector<Layer> ordered;
    std::vector<int> place(graph.layers.size());
    for (const KerasLayer& layer : layers)
        for (int i = layer.begin; i < layer.end; ++i) {
            place[i] = static_cast<int>(ordered.size());
            ordered.push_back(std::move(graph.layers[i]));
        }
    for (Layer& layer : ordered)
        for (int& input : layer.inputs) input = place[input];
    graph.layers = std::move(ordered);
}

}  // namespace thaw
