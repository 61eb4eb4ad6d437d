// Builds a LayerGraph layer by layer and computes each layer's shape, parameters and FLOPs on the way.
#pragma once

#include <string>
#include <vector>

#include "common/backbones/layer_graph.hpp"

namespace thaw {

struct Kernel {
    int height, width;
    Kernel(int side) : height(side), width(side) {}  // implicit, so that `.kernel = 3` is a square
    Kernel(int rows, int columns) : height(rows), width(columns) {}
};

/// A convolution's options; a depthwise one has groups == channels == its input's channels.
struct Conv {
    int channels;  // of the output
    Kernel kernel = 1;
    int stride = 1;
    int groups = 1;
    int dilation = 1;
    Padding padding = {};
    bool bias = false;
};

struct BatchNorm {
    double epsilon = 1e-5;
    double momentum = 0.1;  // PyTorch's: what Keras calls momentum 0.99 is 0.01 here
    bool gamma = true;      // what Keras calls scale
};

/// The same padding on all four sides.
Padding around(int pixels);

/// Every method adds one layer, after the last one unless `from` says otherwise, and returns its index. Layers with
/// tensors are named as their tensors' prefix. A layer whose output would be empty or whose name is taken is a bug
/// (THAW_CHECK): build_backbone() refuses images that are too small before it comes to that.
class GraphBuilder {
  public:
    static constexpr int kLast = -1;

    /// Starts with the input layer, "input": 3 x image_size x image_size.
    GraphBuilder(const std::string& backbone, int image_size, PaddingStyle style);

    PaddingStyle padding_style() const { return graph_.padding_style; }

    /// Layers from here on belong to this block.
    void begin_block(const std::string& name) { block_ = name; }
    /// Layers from here on are the ImageNet classifier.
    void begin_top();
    /// From the start on: layers bear Keras' names up to the first dot ("conv1.depthwise" is part of "conv1"), are
    /// padded as TensorFlow does in either style, and end in Keras' order, in whatever order they are added.
    void follow_keras();
    /// The name in Keras of the layer added last, in a graph that otherwise follows another reference.
    void in_keras(const std::string& name) { graph_.layers.back().keras = name; }
    /// Index of the layer added last, and what a layer gives, that one unless `of` says otherwise.
    int last() const { return static_cast<int>(graph_.layers.size()) - 1; }
    const Shape& shape(int of = kLast) const { return graph_.layers[of == kLast ? last() : of].output; }
    int channels(int of = kLast) const { return shape(of).channels; }

    /// "Same" padding (output = ceil(input / stride)) of a layer after `from`, laid out in the graph's padding style.
    Padding same(Kernel kernel, int stride = 1, int from = kLast) const;

    /// Padding on the right and at the bottom with which a window without other padding reaches the last pixels:
    /// PyTorch's ceil_mode, for max_pool().
    Padding up_to_the_edge(int kernel, int stride, int from = kLast) const;

    int conv(const std::string& name, const Conv& conv, int from = kLast);
    int batch_norm(const std::string& name, const BatchNorm& norm, int from = kLast);
    int activation(const std::string& name, Activation activation, int from = kLast);
    int zero_pad(const std::string& name, const Padding& padding, int from = kLast);
    int max_pool(const std::string& name, Kernel kernel, int stride, const Padding& padding = {}, int from = kLast);
    /// `count_padding`: whether the padding's zeros are part of the average, as in PyTorch's pools but not in Keras'.
    int average_pool(const std::string& name, Kernel kernel, int stride, const Padding& padding = {}, int from = kLast,
                     bool count_padding = false);
    int adaptive_average_pool(const std::string& name, Kernel size, int from = kLast);
    int global_average_pool(const std::string& name, int from = kLast);
    int add(const std::string& name, const std::vector<int>& from);
    int multiply(const std::string& name, int map, int factors);
    int scale(const std::string& name, const std::vector<double>& factors, int from = kLast);
    int normalize(const std::string& name, int from = kLast);
    int crop(const std::string& name, const Padding& pixels, int from = kLast);
    int reshape(const std::string& name, int from = kLast);
    int concat(const std::string& name, const std::vector<int>& from);
    int flatten(const std::string& name, int from = kLast);
    int dense(const std::string& name, int outputs, int from = kLast);
    int dropout(const std::string& name, int from = kLast);

    /// The graph; where begin_top() was never called, all of it is the base.
    LayerGraph finish();

  private:
    Layer start(const std::string& name, LayerKind kind, int from) const;
    const Shape& input_of(const Layer& layer) const { return graph_.layers[layer.inputs.front()].output; }
    int pool(LayerKind kind, const std::string& name, Kernel kernel, int stride, const Padding& padding, int from);
    int push(Layer layer);

    LayerGraph graph_;
    std::string block_;
    bool follows_keras_ = false;
};

}  // namespace thaw
