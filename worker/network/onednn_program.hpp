// A frozen network as a list of oneDNN 2 steps over buffers. Internal to the oneDNN executor.
#pragma once

#include <cstddef>
#include <functional>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "worker/network/frozen_network.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Memory of one pass; a program may be run by several threads, each with a workspace of its own.
struct OneDnnWorkspace {
    dnnl::stream stream;
    std::vector<dnnl::memory> buffers;
    dnnl::memory scratchpad;
};

using OneDnnStep = std::function<void(OneDnnWorkspace&)>;

/// The output of a layer: its layout, and in which buffer of the workspace it lies.
struct OneDnnValue {
    dnnl::memory::desc desc;
    int buffer = -1;
};

/// What the compiler makes of a layer graph; its batch is kCanonicalBatch images.
struct OneDnnProgram {
    std::vector<OneDnnStep> steps;
    std::vector<std::size_t> buffer_bytes;
    std::size_t scratchpad_bytes = 0;
    OneDnnValue input;  // preprocessed images, float32 nchw
    std::vector<OneDnnValue>
        outputs;  // of each tap, plain: nhwc where it is to be averaged or its maximum taken, else nchw
};

/// Folds batch-norm into convolutions, fuses padding, residual sums and activations, packs weights. The calling
/// thread's number of OpenMP threads is the number that the steps will want.
OneDnnProgram compile_for_onednn(const LayerGraph& graph, const TensorMap& tensors, const std::vector<Tap>& taps,
                                 Precision precision, const dnnl::engine& engine);

}  // namespace thaw
