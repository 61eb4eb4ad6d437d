#include "common/backbones/graph_builder.hpp"

#include <algorithm>
#include <utility>

#include "common/backbones/keras_order.hpp"
#include "common/util/error.hpp"

namespace thaw {
namespace {

/// Output pixels of a sliding window over `in` pixels, `padding` the sum of both sides.
int window_output(int in, int padding, int kernel, int stride, int dilation) {
    const int room = in + padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

Shape window_shape(const Shape& in, const Layer& layer, int channels) {
    const Padding& pad = layer.padding;
    return {channels, window_output(in.height, pad.top + pad.bottom, layer.kernel_height, layer.stride, layer.dilation),
            window_output(in.width, pad.left + pad.right, layer.kernel_width, layer.stride, layer.dilation)};
}

/// Padding of one axis, first and second side.
std::pair<int, int> same_padding(int in, int kernel, int stride, PaddingStyle style) {
    if (style == PaddingStyle::symmetric) return {(kernel - 1) / 2, (kernel - 1) / 2};
    const int out = (in + stride - 1) / stride;
    const int total = std::max((out - 1) * stride + kernel - in, 0);
    return {total / 2, total - total / 2};
}

void set_window(Layer& layer, Kernel kernel, int stride, const Padding& padding) {
    layer.kernel_height = kernel.height;
    layer.kernel_width = kernel.width;
    layer.stride = stride;
    layer.padding = padding;
}

}  // namespace

Padding around(int pixels) {
    return {pixels, pixels, pixels, pixels};
}

GraphBuilder::GraphBuilder(const std::string& backbone, int image_size, PaddingStyle style) : block_("input") {
    graph_.backbone = backbone;
    graph_.image_size = image_size;
    graph_.padding_style = style;
    Layer input;
    input.name = input.block = "input";
    input.output = {3, image_size, image_size};
    push(std::move(input));
}

void GraphBuilder::follow_keras() {
    follows_keras_ = true;
    graph_.padding_style = PaddingStyle::tensorflow;
    in_keras("input_layer");
}

void GraphBuilder::begin_top() {
    THAW_CHECK(graph_.top_begin == 0, "{} begins its top twice", graph_.backbone);
    graph_.top_begin = last() + 1;
    block_ = "top";
}

Padding GraphBuilder::same(Kernel kernel, int stride, int from) const {
    const Shape& in = graph_.layers[from == kLast ? last() : from].output;
    const auto [top, bottom] = same_padding(in.height, kernel.height, stride, graph_.padding_style);
    const auto [left, right] = same_padding(in.width, kernel.width, stride, graph_.padding_style);
    return {top, bottom, left, right};
}

Padding GraphBuilder::up_to_the_edge(int kernel, int stride, int from) const {
    const Shape& in = graph_.layers[from == kLast ? last() : from].output;
    const auto missing = [&](int size) { return (stride - (size - kernel) % stride) % stride; };
    return {0, missing(in.height), 0, missing(in.width)};
}

int GraphBuilder::conv(const std::string& name, const Conv& conv, int from) {
    Layer layer = start(name, LayerKind::conv, from);
    const Shape& in = input_of(layer);
    THAW_CHECK(in.channels % conv.groups == 0 && conv.channels % conv.groups == 0, "{}: {} -> {} channels in {} groups",
               name, in.channels, conv.channels, conv.groups);
    set_window(layer, conv.kernel, conv.stride, conv.padding);
    layer.groups = conv.groups;
    layer.dilation = conv.dilation;
    layer.bias = conv.bias;
    layer.tensors = name;
    layer.output = window_shape(in, layer, conv.channels);
    const std::int64_t weights_per_output =
        std::int64_t{in.channels} / conv.groups * conv.kernel.height * conv.kernel.width;
    layer.parameters = conv.channels * (weights_per_output + (conv.bias ? 1 : 0));
    layer.flops = layer.output.elements() * (2 * weights_per_output + (conv.bias ? 1 : 0));
    return push(std::move(layer));
}

int GraphBuilder::batch_norm(const std::string& name, const BatchNorm& norm, int from) {
    Layer layer = start(name, LayerKind::batch_norm, from);
    layer.epsilon = norm.epsilon;
    layer.momentum = norm.momentum;
    layer.gamma = norm.gamma;
    layer.tensors = name;
    layer.output = input_of(layer);
    layer.parameters = std::int64_t{norm.gamma ? 4 : 3} * layer.output.channels;
    layer.flops = 2 * layer.output.elements();
    return push(std::move(layer));
}

int GraphBuilder::activation(const std::string& name, Activation activation, int from) {
    Layer layer = start(name, LayerKind::activation, from);
    layer.activation = activation;
    layer.output = input_of(layer);
    layer.flops = layer.output.elements();
    return push(std::move(layer));
}

int GraphBuilder::zero_pad(const std::string& name, const Padding& padding, int from) {
    Layer layer = start(name, LayerKind::zero_pad, from);
    set_window(layer, 1, 1, padding);
    layer.output = window_shape(input_of(layer), layer, input_of(layer).channels);
    return push(std::move(layer));
}

int GraphBuilder::pool(LayerKind kind, const std::string& name, Kernel kernel, int stride, const Padding& padding,
                       int from) {
    Layer layer = start(name, kind, from);
    set_window(layer, kernel, stride, padding);
    layer.output = window_shape(input_of(layer), layer, input_of(layer).channels);
    layer.flops = layer.output.elements() * kernel.height * kernel.width;
    return push(std::move(layer));
}

int GraphBuilder::max_pool(const std::string& name, Kernel kernel, int stride, const Padding& padding, int from) {
    return pool(LayerKind::max_pool, name, kernel, stride, padding, from);
}

int GraphBuilder::average_pool(const std::string& name, Kernel kernel, int stride, const Padding& padding, int from,
                               bool count_padding) {
    const int index = pool(LayerKind::average_pool, name, kernel, stride, padding, from);
    graph_.layers[index].count_padding = count_padding;
    return index;
}

int GraphBuilder::adaptive_average_pool(const std::string& name, Kernel size, int from) {
    Layer layer = start(name, LayerKind::adaptive_average_pool, from);
    set_window(layer, size, 1, {});
    layer.output = {input_of(layer).channels, size.height, size.width};
    layer.flops = std::max(input_of(layer).elements(), layer.output.elements());
    return push(std::move(layer));
}

int GraphBuilder::global_average_pool(const std::string& name, int from) {
    Layer layer = start(name, LayerKind::global_average_pool, from);
    layer.output = {input_of(layer).channels, 1, 1};
    layer.flops = input_of(layer).elements();
    return push(std::move(layer));
}

int GraphBuilder::add(const std::string& name, const std::vector<int>& from) {
    Layer layer = start(name, LayerKind::add, from.front());
    layer.inputs = from;
    layer.output = input_of(layer);
    for (const int input : from)
        THAW_CHECK(graph_.layers[input].output == layer.output, "{} adds outputs of different shapes", name);
    layer.flops = layer.output.elements() * static_cast<int>(from.size() - 1);
    return push(std::move(layer));
}

int GraphBuilder::multiply(const std::string& name, int map, int factors) {
    Layer layer = start(name, LayerKind::multiply, map);
    layer.inputs = {map, factors};
    layer.output = input_of(layer);
    const Shape& by = graph_.layers[factors].output;
    THAW_CHECK(by == layer.output || by == (Shape{layer.output.channels, 1, 1}),
               "{} multiplies {} x {} x {} by {} x {} x {}", name, layer.output.channels, layer.output.height,
               layer.output.width, by.channels, by.height, by.width);
    layer.flops = layer.output.elements();
    return push(std::move(layer));
}

int GraphBuilder::scale(const std::string& name, const std::vector<double>& factors, int from) {
    Layer layer = start(name, LayerKind::scale, from);
    layer.output = input_of(layer);
    layer.factors = factors;
    THAW_CHECK(factors.size() == 1 || factors.size() == static_cast<std::size_t>(layer.output.channels),
               "{} has {} factors for {} channels", name, factors.size(), layer.output.channels);
    layer.flops = layer.output.elements();
    return push(std::move(layer));
}

int GraphBuilder::normalize(const std::string& name, int from) {
    Layer layer = start(name, LayerKind::normalize, from);
    layer.tensors = name;
    layer.epsilon = 0;
    layer.output = input_of(layer);
    layer.parameters = std::int64_t{2} * layer.output.channels + 1;  // Keras stores how many images it has seen
    layer.flops = 2 * layer.output.elements();
    return push(std::move(layer));
}

int GraphBuilder::crop(const std::string& name, const Padding& pixels, int from) {
    Layer layer = start(name, LayerKind::crop, from);
    layer.padding = pixels;
    const Shape& in = input_of(layer);
    layer.output = {in.channels, in.height - pixels.top - pixels.bottom, in.width - pixels.left - pixels.right};
    return push(std::move(layer));
}

int GraphBuilder::reshape(const std::string& name, int from) {
    Layer layer = start(name, LayerKind::reshape, from);
    layer.output = {static_cast<int>(input_of(layer).elements()), 1, 1};
    return push(std::move(layer));
}

int GraphBuilder::concat(const std::string& name, const std::vector<int>& from) {
    Layer layer = start(name, LayerKind::concat, from.front());
    layer.inputs = from;
    layer.output = {0, input_of(layer).height, input_of(layer).width};
    for (const int input : from) {
        const Shape& in = graph_.layers[input].output;
        THAW_CHECK(in.height == layer.output.height && in.width == layer.output.width,
                   "{} joins outputs of different sizes", name);
        layer.output.channels += in.channels;
    }
    return push(std::move(layer));
}

int GraphBuilder::flatten(const std::string& name, int from) {
    Layer layer = start(name, LayerKind::flatten, from);
    layer.output = {static_cast<int>(input_of(layer).elements()), 1, 1};
    return push(std::move(layer));
}

int GraphBuilder::dense(const std::string& name, int outputs, int from) {
    Layer layer = start(name, LayerKind::dense, from);
    const Shape& in = input_of(layer);
    THAW_CHECK(in.height == 1 && in.width == 1, "{} wants a vector, not {} x {} x {}", name, in.channels, in.height,
               in.width);
    layer.bias = true;
    layer.tensors = name;
    layer.output = {outputs, 1, 1};
    layer.parameters = (std::int64_t{in.channels} + 1) * outputs;
    layer.flops = (2 * std::int64_t{in.channels} + 1) * outputs;
    return push(std::move(layer));
}

int GraphBuilder::dropout(const std::string& name, int from) {
    Layer layer = start(name, LayerKind::dropout, from);
    layer.output = input_of(layer);
    return push(std::move(layer));
}

LayerGraph GraphBuilder::finish() {
    if (graph_.top_begin == 0) graph_.top_begin = last() + 1;
    if (follows_keras_) order_as_keras(graph_);
    return std::move(graph_);
}

Layer GraphBuilder::start(const std::string& name, LayerKind kind, int from) const {
    Layer layer;
    layer.name = name;
    layer.block = block_;
    layer.kind = kind;
    if (follows_keras_) layer.keras = name.substr(0, name.find('.'));
    layer.inputs = {from == kLast ? last() : from};
    return layer;
}

int GraphBuilder::push(Layer layer) {
    THAW_CHECK(layer.output.elements() > 0, "{}: {} has an empty output at {} pixels", graph_.backbone, layer.name,
               graph_.image_size);
    THAW_CHECK(graph_.find(layer.name) < 0, "{}: two layers named {}", graph_.backbone, layer.name);
    graph_.layers.push_back(std::move(layer));
    return last();
}

}  // namespace thaw
