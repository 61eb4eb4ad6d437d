// A backbone as plain data: an ordered list of layers with what is needed to run, count, cut and cost it. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

enum class LayerKind {
    input,
    conv,  // two-dimensional convolution, groups included (depthwise: groups == channels)
    batch_norm,
    activation,  // element-wise, which one is in Layer::activation
    zero_pad,    // explicit zero padding of height and width
    max_pool,
    average_pool,           // whether padding is counted in the average is in Layer::count_padding
    adaptive_average_pool,  // to kernel_height x kernel_width
    global_average_pool,    // [c, h, w] -> [c]
    add,
    multiply,   // element by element; the second may be one number a channel, [c, 1, 1] (squeeze-and-excite)
    scale,      // by Layer::factors, constants
    normalize,  // by a stored mean and variance of each channel that nothing ever trains
    concat,     // along channels
    crop,       // Layer::padding tells how many pixels of each side go
    reshape,    // [c] -> [c, 1, 1]
    flatten,    // [c, h, w] -> [c*h*w]
    dense,
    dropout,  // here it does nothing, in training neither
};

enum class Activation { none, relu, relu6, swish, sigmoid, hard_swish, hard_sigmoid, softmax };

/// How "same" padding of a strided layer is laid out. It belongs to the weights: those trained in TensorFlow want
/// `tensorflow` (the odd pixel goes right and bottom), those trained in PyTorch want `symmetric`.
enum class PaddingStyle { symmetric, tensorflow };

/// Output of one image: channels x height x width; vectors are [channels, 1, 1].
struct Shape {
    int channels = 0, height = 0, width = 0;
    bool operator==(const Shape&) const = default;
    std::int64_t elements() const { return std::int64_t{channels} * height * width; }
};

/// Pixels of padding on each side.
struct Padding {
    int top = 0, bottom = 0, left = 0, right = 0;
    bool operator==(const Padding&) const = default;
    bool any() const { return top || bottom || left || right; }
};

struct Layer {
    std::string name;   // unique in the graph: the reference framework's, e.g. "features.14.conv.0.0"
    std::string block;  // the block it belongs to, e.g. "features.14"; a `freeze:` may name it
    LayerKind kind = LayerKind::input;
    std::vector<int> inputs;  // indices of earlier layers, in order

    // conv, pools, zero_pad; already resolved for the graph's image size and padding style
    int kernel_height = 0, kernel_width = 0, stride = 1, dilation = 1, groups = 1;
    Padding padding;
    bool count_padding = false;                // average_pool: whether the average is over the padding's zeros as well
    bool bias = false;                         // conv, dense
    Activation activation = Activation::none;  // activation
    double epsilon = 1e-5;                     // batch_norm
    double momentum = 0.1;                     // batch_norm: running = (1-momentum)*running + momentum*batch
    bool gamma = true;                         // batch_norm: has a learned factor, else it is 1
    std::vector<double> factors;               // scale: one, or one for each channel

    Shape output;                 // of one image
    std::int64_t parameters = 0;  // weights, biases, batch-norm scale, shift, mean and variance (as Keras counts)
    std::int64_t flops = 0;       // of one image's forward pass; a multiply and an add are two
    /// Prefix of the layer's tensors in a weight file with the reference's names: PREFIX.weight, PREFIX.bias,
    /// PREFIX.running_mean, PREFIX.running_var. Empty where the layer has none. conv weights are
    /// [out, in/groups, kernel_height, kernel_width], dense [out, in].
    std::string tensors;
    /// The layer's name in Keras, under which files in Keras' layout have its tensors; empty where Keras has no such
    /// network. Neighbours of one name are one layer there, and one to `freeze:` (a convolution with its activation,
    /// the two convolutions of a SeparableConv2D).
    std::string keras;
};

struct LayerGraph {
    std::string backbone;
    int image_size = 0;
    PaddingStyle padding_style = PaddingStyle::symmetric;
    std::vector<Layer> layers;  // topological order, the order in which the reference (Keras) lists them
    int top_begin = 0;          // layers [0, top_begin) are the base; the rest is the ImageNet classifier
    bool is_cut_off = false;    // the base ends early: behind it the rest of the network stands, and nothing runs it

    /// Index of the layer with this name, -1 if there is none.
    int find(const std::string& name) const;
    /// The base's output layer is top_begin - 1.
    const Shape& base_output() const { return layers[top_begin - 1].output; }
};

/// Whether layer `index` and the one before it are one layer in Keras.
bool continues_counted_layer(const LayerGraph& graph, int index);

/// How many layers the first `layers` are as Keras counts them (one that is begun counts), and back.
int counted(const LayerGraph& graph, int layers);
int layers_of(const LayerGraph& graph, int counted);

/// Numbers n (as in "the first n layers", 1..top_begin) after which a single tensor crosses: every layer of the base
/// at index >= n reads nothing before n except layer n-1's output. top_begin itself always is one. Ascending.
std::vector<int> cuts(const LayerGraph& graph);

/// The cuts at which features may be kept: those that do not part a convolution from the padding before it or from the
/// batch-norm and activation behind it, nor any layer from the activation that alone reads it. The frozen executor
/// computes these as one, with one rounding; a tap between them would change the bits of all that comes after it, and
/// so one trial's features by another's freeze depth.
std::vector<int> tap_cuts(const LayerGraph& graph);

/// A `freeze:` as numbers of the graph's layers.
struct FreezeDepth {
    int frozen_layers = 0;          // the first so many layers of the base are frozen
    int cut = 0;                    // deepest of tap_cuts <= frozen_layers; 0 where nothing is frozen
    bool trains_batch_norm = true;  // whether a batch-norm layer of the base is not frozen
};

/// Whether there is a frozen pass: a layer, and not merely the input, lies before the cut.
constexpr bool has_frozen_pass(int cut) {
    return cut > 1;
}

/// Resolves "all", "none", a number ("50": the first 50 layers, the input layer counted, as Keras' model.layers[:50]),
/// a percentage of the base's layers ("80%", rounded down), both as Keras counts, or the name of a layer or block
/// (frozen up to and including it; for a layer that is a parameter-less one too). A layer goes by its own name or by
/// Keras'. Throws UserError that names the nearest valid spelling.
FreezeDepth resolve_freeze(const LayerGraph& graph, const std::string& freeze);

/// How many layers an `until:` leaves of the base: those up to and including the layer or block of this name; 0 where
/// that is all of them ("none", or its last layer). The base can end at tap_cuts alone. Throws UserError that names the
/// nearest valid spelling, or the nearest layers behind which it can end.
int resolve_until(const LayerGraph& graph, const std::string& until);

/// The graph with a base of so many layers, as resolve_until gives them; 0: as it is. All layers keep their numbers.
LayerGraph cut_off(LayerGraph graph, int base_layers);

const char* to_string(LayerKind kind);
const char* to_string(Activation activation);
const char* to_string(PaddingStyle style);
PaddingStyle parse_padding_style(const std::string& name);  // throws UserError with the names there are

}  // namespace thaw
