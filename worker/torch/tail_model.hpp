// Trains a tail (the layers after a cut) together with its head, by LibTorch's autograd on one thread.
#pragma once

#include <memory>

#include "common/backbones/layer_graph.hpp"
#include "worker/communicator/group.hpp"
#include "worker/heads/head_layout.hpp"
#include "worker/heads/trajectory.hpp"
#include "worker/weights/registry.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Where a tail's input comes from: the cached output of the cut, or the decoded images where nothing is cached.
struct TailInput {
    Rows<float> features;       // [elements of the cut's output]
    Rows<std::uint8_t> images;  // [s, s, 3]; used where there are no features
};

/// The head's start, activations, dropout and loss and the order of images are those of HeadModel. `double_precision`
/// is for tests. With a group each member makes one of equal models and calls it with equal batches, of which each
/// computes its share; sums, gradients and batch-norm's statistics are those of the whole batch, so that the models
/// stay equal. What `input` points to must outlive the model.
std::unique_ptr<Model> make_tail_model(const Trial& trial, const LayerGraph& graph, const TensorMap& tensors,
                                       const Preprocessing& preprocessing, const TailInput& input,
                                       const TargetClasses& classes, Group* group = nullptr,
                                       bool double_precision = false);

}  // namespace thaw
