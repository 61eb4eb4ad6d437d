// Which layers of a frozen pass read which outputs, past layers that do nothing.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/tap.hpp"

namespace thaw {

/// Layers whose output is their input, as it lies in memory.
inline bool does_nothing(const Layer& layer) {
    return layer.kind == LayerKind::dropout || layer.kind == LayerKind::reshape;
}

class LayerReads {
  public:
    LayerReads(const LayerGraph& graph, const std::vector<Tap>& taps) : graph_(graph), readers_(graph.layers.size()) {
        for (Layer& layer : graph_.layers)
            for (int& input : layer.inputs) input = origin(input);
        for (const Tap& tap : taps) end_ = std::max(end_, tap.cut);
        for (int i = 1; i < end_; ++i)
            if (!does_nothing(layer(i)))
                for (const int input : layer(i).inputs) readers_[at(input)].push_back(i);
        // A tap reads its layer after all else: it is never overwritten, and no fusion may swallow it.
        for (const Tap& tap : taps) readers_[at(tapped(tap))].push_back(kTap);
    }

    /// Its inputs are the layers whose outputs it does read.
    const Layer& layer(int index) const { return graph_.layers[at(index)]; }
    /// Behind the last layer that anything reads.
    int end() const { return end_; }
    int tapped(const Tap& tap) const { return origin(tap.cut - 1); }
    void add_reader(int index, int reader) { readers_[at(index)].push_back(reader); }

    /// The one layer that reads this one's output, or -1.
    int sole_reader(int index) const {
        const std::vector<int>& readers = readers_[at(index)];
        return readers.size() == 1 && readers[0] != kTap ? readers[0] : -1;
    }
    int sole_reader(int index, LayerKind kind) const {
        const int reader = sole_reader(index);
        return reader >= 0 && layer(reader).kind == kind ? reader : -1;
    }
    /// Whether a layer after `now` that is not `done` reads layer `index`.
    bool still_read(int index, int now, const std::set<int>& done) const {
        return std::any_of(readers_[at(index)].begin(), readers_[at(index)].end(),
                           [&](int reader) { return reader > now && !done.contains(reader); });
    }

  private:
    static constexpr int kTap = 1 << 30;  // later than every layer
    static std::size_t at(int index) { return static_cast<std::size_t>(index); }

    /// The layer whose output `index` passes on.
    int origin(int index) const {
        while (does_nothing(layer(index))) index = layer(index).inputs[0];
        return index;
    }

    LayerGraph graph_;
    std::vector<std::vector<int>> readers_;
    int end_ = 1;
};

}  // namespace thaw
