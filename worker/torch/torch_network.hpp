// A layer graph run by LibTorch: for training tails with autograd, and as a reference for the frozen executor.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "worker/communicator/group.hpp"
#include "worker/weights/registry.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {

/// Layers [first, last) of a graph with their parameters. Those before `frozen` run in inference mode (batch-norm
/// included) and without gradients; the others are trained.
class TorchNetwork {
  public:
    TorchNetwork(const LayerGraph& graph, int first, int last, int frozen, const TensorMap& tensors,
                 torch::Dtype dtype = torch::kFloat32, Group* group = nullptr);

    /// `input` is the output of layer first-1, [n, c, h, w] (for first == 0: preprocessed images). Returns the output
    /// of layer last-1. `training` concerns the batch-norm of trained layers only: false: running statistics, with
    /// gradients where the caller asks for them; with a group, `input` is then this member's part of the batch.
    torch::Tensor forward(torch::Tensor input, bool training);

    /// Like forward in inference mode, but returns the outputs of layers cut-1 for each of `cuts`, in that order.
    std::vector<torch::Tensor> outputs_at(torch::Tensor input, const std::vector<int>& cuts);

    /// The trained parameters in layer order; assigning another tensor of the same shape replaces the parameter.
    const std::vector<torch::Tensor*>& trained_parameters() const { return trained_; }

    /// The running statistics of trained batch-norm layers, which forward(..., training) changes.
    const std::vector<torch::Tensor>& trained_statistics() const { return statistics_; }

    /// Both, under the names that they have in weight files.
    std::vector<std::pair<std::string, torch::Tensor>> trained_tensors() const;

  private:
    struct Parameters {
        torch::Tensor weight, bias, running_mean, running_var;
    };
    torch::Tensor normalize(int index, const torch::Tensor& x, bool training);
    torch::Tensor run_layer(int index, const std::vector<torch::Tensor>& values, bool training);
    void run(std::vector<torch::Tensor>& values, torch::Tensor input, bool training, const std::vector<int>& keep);

    /// Trained batch-norms take the activation behind them in; that layer then has nothing left to do.
    void take_in_activations();

    LayerGraph graph_;
    int first_, last_, frozen_;
    Group* group_;
    std::vector<Parameters> parameters_;  // one for each layer of the graph
    std::vector<torch::Tensor*> trained_;
    std::vector<torch::Tensor> statistics_;
    std::vector<bool> taken_in_;    // activations that the layer before them does
    std::vector<int> last_reader_;  // of each layer's output, to free it in time
};

/// Where new tensors of worker code lie; see device.hpp.
torch::Device compute_device();

/// [n, s, s, 3] uint8 RGB -> [n, 3, s, s] as the weights want it, in channels-last order.
class Preprocessor {
  public:
    explicit Preprocessor(const Preprocessing& preprocessing, torch::Dtype dtype = torch::kFloat32);
    torch::Tensor operator()(const torch::Tensor& pixels) const;

  private:
    bool bgr_;
    torch::Tensor mean_, deviation_;
};

/// The same for images in the host's memory.
torch::Tensor preprocess(const std::uint8_t* images, int count, int image_size, const Preprocessing& preprocessing,
                         torch::Dtype dtype = torch::kFloat32);

/// [n, c, h, w] -> [n, features]. flatten: channel after channel; Keras, whose maps are [h, w, c], goes pixel by pixel,
/// which is another order of the head's inputs and the same head.
torch::Tensor pool(const torch::Tensor& map, Pooling pooling);

/// Element by element, as worker/heads/head_activation.hpp defines them.
torch::Tensor activate(const torch::Tensor& x, HeadActivation activation);

}  // namespace thaw
