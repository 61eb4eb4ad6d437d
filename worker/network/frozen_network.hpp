// Frozen inference: one forward pass over decoded images that keeps what crosses some cuts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/precision.hpp"
#include "common/trial/tap.hpp"
#include "common/trial/trial.hpp"
#include "worker/weights/registry.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Number of floats a tap gives for one image.
std::int64_t tap_elements(const LayerGraph& graph, const Tap& tap);

/// Images go through in canonical batches: the same kCanonicalBatch neighbours whoever asks, so that an image's
/// features have the same bits whatever else runs, and on however many threads. Few, so that what lies between two
/// layers stays in the processor's caches, and a single new image costs little; weights are read as often, but are
/// small beside the maps. (MobileNetV2, images/s on one core: 4 at a time 1.04 times 16's, 8 at a time 1.02, 1 at a
/// time 1.0.)
constexpr int kCanonicalBatch = 4;

/// Batch-norm uses its stored statistics, dropout does nothing. Runs on the calling thread only; several threads may
/// call run() at once.
class FrozenNetwork {
  public:
    virtual ~FrozenNetwork() = default;
    /// Images that go through at once: kCanonicalBatch, or more on a GPU.
    virtual int batch() const { return kCanonicalBatch; }
    /// `images`: [count, size, size, 3] RGB; count <= batch(). outputs[i]: tap i's [count, elements].
    virtual void run(const std::uint8_t* images, int count, const std::vector<float*>& outputs) const = 0;
};

/// The back end of this build: chosen by CMake, by which source file it compiles. Throws what check_supported throws.
/// At cuts other than tap_cuts the taps' values are the same to rounding only.
std::unique_ptr<FrozenNetwork> make_frozen_network(const LayerGraph& graph, const TensorMap& tensors,
                                                   const Preprocessing& preprocessing, const std::vector<Tap>& taps,
                                                   Precision precision = Precision::float32);

/// Whether this back end has arithmetic of that precision on this machine; emulation does not count.
bool supports(Precision precision);
/// Throws UserError where it has none.
void check_supported(Precision precision);

/// Name of that back end, its version and the precision, part of the features' cache key: another one rounds otherwise.
std::string frozen_back_end(Precision precision = Precision::float32);

}  // namespace thaw
