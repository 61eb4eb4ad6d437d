#include "worker/network/onednn_program.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "common/util/error.hpp"
#include "worker/network/folded_convolution.hpp"
#include "worker/network/layer_reads.hpp"
#include "worker/network/onednn_steps.hpp"

namespace thaw {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using Tag = memory::format_tag;
using Dims = memory::dims;
using Value = OneDnnValue;
using Workspace = OneDnnWorkspace;
constexpr auto kFloat = memory::data_type::f32;
constexpr auto kInference = dnnl::prop_kind::forward_inference;

Dims dims_of(const Shape& shape) {
    return {kCanonicalBatch, shape.channels, shape.height, shape.width};
}

struct Eltwise {
    algorithm kind;
    float alpha, beta;
};

/// One after the other.
std::vector<Eltwise> eltwises_of(Activation activation) {
    switch (activation) {
        case Activation::relu:
            return {{algorithm::eltwise_relu, 0, 0}};
        case Activation::relu6:
            return {{algorithm::eltwise_clip, 0, 6}};
        case Activation::swish:
            return {{algorithm::eltwise_swish, 1, 0}};
        case Activation::sigmoid:
            return {{algorithm::eltwise_logistic, 0, 0}};
        case Activation::hard_swish:
            return {{algorithm::eltwise_hardswish, 0, 0}};
        case Activation::hard_sigmoid:
            return {{algorithm::eltwise_linear, 1.0F / 6, 0.5F}, {algorithm::eltwise_clip, 0, 1}};
        default:
            THAW_CHECK(false, "activation {} in a frozen layer", to_string(activation));
    }
}

/// Turns layers into steps.
class Compiler : public OneDnnSteps {
  public:
    Compiler(const LayerGraph& graph, const TensorMap& tensors, const std::vector<Tap>& taps, Precision precision,
             dnnl::engine engine)
        : OneDnnSteps(std::move(engine)),
          reads_(graph, taps),
          tensors_(tensors),
          type_(precision == Precision::bfloat16 ? memory::data_type::bf16 : kFloat) {
        const Shape& input = layer(0).output;
        input_ = make_value({dims_of(input), kFloat, Tag::nchw});
        values_[0] = in_layout(input_, {dims_of(input), type_, Tag::nchw});
        if (values_[0].buffer != input_.buffer) buffers.give_back(input_.buffer);
        for (int i = 1; i < reads_.end(); ++i)
            if (!done_.contains(i) && !does_nothing(layer(i))) compile(i);
    }

    const Value& input() const { return input_; }
    /// A tap's map in a plain layout: channels last where they are to be pooled.
    Value tap_output(const Tap& tap) {
        const Value& map = values_.at(reads_.tapped(tap));
        const bool reduced = tap.pooled && tap.pooling != Pooling::flatten;
        return in_layout(map, {map.desc.dims(), kFloat, reduced ? Tag::nhwc : Tag::nchw});
    }

  private:
    const Layer& layer(int index) const { return reads_.layer(index); }

    memory::desc any_layout(const Shape& shape) const { return {dims_of(shape), type_, Tag::any}; }

    int sole_reader(int index) const { return reads_.sole_reader(index); }
    int sole_reader(int index, LayerKind kind) const { return reads_.sole_reader(index, kind); }
    /// Whether anything that has no step yet reads layer `index`, when layer `now` is compiled.
    bool still_read(int index, int now) const { return reads_.still_read(index, now, done_); }

    /// Gives back the buffers of the inputs of layers `group`, compiled at layer `now`, that nothing else will read.
    void retire_inputs(const std::vector<int>& group, int now, int kept_buffer = -1) {
        for (const int member : group)
            for (const int input : layer(member).inputs) {
                const auto found = values_.find(input);
                if (found == values_.end() || still_read(input, now)) continue;
                if (found->second.buffer != kept_buffer) buffers.give_back(found->second.buffer);
                values_.erase(found);
            }
    }

    void compile(int index) {
        const Layer& here = layer(index);
        switch (here.kind) {
            case LayerKind::zero_pad:
                return compile_zero_pad(index);
            case LayerKind::conv:
                return compile_convolution(index);
            case LayerKind::batch_norm:
            case LayerKind::normalize:
                return compile_batch_norm(index);
            case LayerKind::activation:
                return compile_activation(index);
            case LayerKind::max_pool:
                return compile_pool(index, algorithm::pooling_max);
            case LayerKind::average_pool:
                return compile_pool(index, here.count_padding ? algorithm::pooling_avg_include_padding
                                                              : algorithm::pooling_avg_exclude_padding);
            case LayerKind::adaptive_average_pool:
            case LayerKind::global_average_pool:
                return compile_global_pool(index);
            case LayerKind::add:
                return compile_binary(index, algorithm::binary_add);
            case LayerKind::multiply:
                return compile_binary(index, algorithm::binary_mul);
            case LayerKind::scale:
                return compile_scale(index);
            case LayerKind::crop:
                return compile_crop(index);
            case LayerKind::concat:
                return compile_concat(index);
            default:
                THAW_CHECK(false, "layer {} ({}) in a frozen base", here.name, to_string(here.kind));
        }
    }

    /// A convolution with what can be fused into it: padding before; batch-norm, residual sum, activation after.
    void compile_convolution(int index) {
        std::vector<int> group = {index};
        int input = layer(index).inputs[0];
        Padding padding = layer(index).padding;
        if (layer(input).kind == LayerKind::zero_pad && !values_.contains(input)) {
            const Padding& more = layer(input).padding;
            padding = {padding.top + more.top, padding.bottom + more.bottom, padding.left + more.left,
                       padding.right + more.right};
            group.insert(group.begin(), input);
            input = layer(input).inputs[0];
        }
        const auto absorb = [&](int next) {
            group.push_back(next);
            done_.insert(next);
        };
        const int norm = sole_reader(index, LayerKind::batch_norm);
        if (norm >= 0) absorb(norm);
        dnnl::post_ops after;
        const int residual = residual_of(group.back());
        if (residual >= 0) {
            absorb(sole_reader(group.back()));
            after.append_sum(1.0F);
        }
        const int activation = sole_reader(group.back(), LayerKind::activation);
        if (activation >= 0) {
            absorb(activation);
            for (const Eltwise& eltwise : eltwises_of(layer(activation).activation))
                after.append_eltwise(1.0F, eltwise.kind, eltwise.alpha, eltwise.beta);
        }
        emit_convolution(index, norm, input, padding, residual, after, group);
    }

    /// Where the output of layer `index` is only read by an addition to one value that is there already: that value's
    /// layer. Otherwise -1.
    int residual_of(int index) const {
        const int sum = sole_reader(index, LayerKind::add);
        if (sum < 0 || layer(sum).inputs.size() != 2) return -1;
        const int other = layer(sum).inputs[0] == index ? layer(sum).inputs[1] : layer(sum).inputs[0];
        return other != index && values_.contains(other) ? other : -1;
    }

    void emit_convolution(int index, int norm, int input, const Padding& padding, int residual,
                          const dnnl::post_ops& after, const std::vector<int>& group) {
        const Layer& conv = layer(index);
        const Value source = values_.at(input);
        const int channels = layer(input).output.channels;
        const int g = conv.groups;
        Dims weight_dims = {conv.output.channels, channels / g, conv.kernel_height, conv.kernel_width};
        if (g > 1) weight_dims = {g, conv.output.channels / g, channels / g, conv.kernel_height, conv.kernel_width};
        const memory::desc target = residual >= 0 ? values_.at(residual).desc : any_layout(conv.output);
        const memory::desc bias_desc({conv.output.channels}, kFloat, Tag::a);
        dnnl::primitive_attr attr = attributes();
        attr.set_post_ops(after);
        const dnnl::convolution_forward::desc operation(
            kInference, algorithm::convolution_direct, any_layout(layer(input).output),
            memory::desc(weight_dims, type_, Tag::any), bias_desc, target, {conv.stride, conv.stride},
            {conv.dilation - 1, conv.dilation - 1}, {padding.top, padding.left}, {padding.bottom, padding.right});
        const dnnl::convolution_forward::primitive_desc description(operation, attr, engine_);
        const FoldedConvolution folded = fold(conv, norm >= 0 ? &layer(norm) : nullptr, tensors_);
        const memory weight = constant(folded.weight, memory::desc(weight_dims, kFloat, g > 1 ? Tag::goihw : Tag::oihw),
                                       description.weights_desc());
        const memory bias = constant(folded.bias, bias_desc, bias_desc);
        const Value in = in_layout(source, description.src_desc());
        Value out;
        if (residual >= 0 && !still_read(residual, index)) {
            out = values_.at(residual);  // summed in place
        } else {
            out = make_value(description.dst_desc());
            if (residual >= 0) add_reorder(values_.at(residual), out);
        }
        add_primitive(description, dnnl::convolution_forward(description), {{DNNL_ARG_SRC, in}, {DNNL_ARG_DST, out}},
                      {{DNNL_ARG_WEIGHTS, weight}, {DNNL_ARG_BIAS, bias}});
        if (in.buffer != source.buffer) buffers.give_back(in.buffer);
        retire_inputs(group, index, out.buffer);
        values_[group.back()] = out;
    }

    void compile_zero_pad(int index) {
        if (const int conv = sole_reader(index, LayerKind::conv); conv >= 0) {
            reads_.add_reader(layer(index).inputs[0], conv);  // which pads by itself
            return;
        }
        const Padding& padding = layer(index).padding;
        const Value source = values_.at(layer(index).inputs[0]);
        // The same layout around a larger picture.
        const memory::desc grown = same_layout(source.desc, layer(index).output);
        const Value out = make_value(grown);
        const Value inner{grown.submemory_desc(source.desc.dims(), {0, 0, padding.top, padding.left}), out.buffer};
        steps.push_back([out](Workspace& space) {
            std::memset(space.buffers[static_cast<std::size_t>(out.buffer)].get_data_handle(), 0, out.desc.get_size());
        });
        add_reorder(source, inner);
        finish(index, out);
    }

    /// A layout like `like`'s for another height and width; plain nchw where it is none of the usual ones.
    memory::desc same_layout(const memory::desc& like, const Shape& shape) const {
        for (const Tag tag : {Tag::nhwc, Tag::nChw8c, Tag::nChw16c})
            if (like == memory::desc(like.dims(), type_, tag)) return {dims_of(shape), type_, tag};
        return {dims_of(shape), type_, Tag::nchw};
    }

    void compile_batch_norm(int index) {
        using Flags = dnnl::normalization_flags;
        const Layer& norm = layer(index);
        const Value source = values_.at(norm.inputs[0]);
        const memory::desc vector({norm.output.channels}, kFloat, Tag::a);
        const auto part = [&](const char* name) {
            return constant(values_of(tensors_, norm.tensors + name), vector, vector);
        };
        std::vector<std::pair<int, memory>> constants = {{DNNL_ARG_MEAN, part(".running_mean")},
                                                         {DNNL_ARG_VARIANCE, part(".running_var")}};
        Flags flags = Flags::use_global_stats;
        if (norm.kind == LayerKind::batch_norm) {
            flags |= Flags::use_shift;
            constants.emplace_back(DNNL_ARG_SHIFT, part(".bias"));
            if (norm.gamma) {
                flags |= Flags::use_scale;
                constants.emplace_back(DNNL_ARG_SCALE, part(".weight"));
            }
        }
        const int activation = sole_reader(index, LayerKind::activation);
        const bool relu = activation >= 0 && layer(activation).activation == Activation::relu;
        if (relu) {
            flags |= Flags::fuse_norm_relu;
            done_.insert(activation);
        }
        const dnnl::batch_normalization_forward::desc operation(kInference, source.desc,
                                                                static_cast<float>(norm.epsilon), flags);
        const dnnl::batch_normalization_forward::primitive_desc description(operation, attributes(), engine_);
        const Value out = make_value(description.dst_desc());
        add_primitive(description, dnnl::batch_normalization_forward(description),
                      {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, out}}, constants);
        retire_inputs({index}, index);
        values_[relu ? activation : index] = out;
    }

    void compile_activation(int index) { emit_eltwises(index, eltwises_of(layer(index).activation)); }

    void emit_eltwises(int index, const std::vector<Eltwise>& eltwises) {
        Value in = values_.at(layer(index).inputs[0]);
        const Value out = make_value(in.desc);
        for (const Eltwise& eltwise : eltwises) {
            const dnnl::eltwise_forward::desc operation(kInference, eltwise.kind, in.desc, eltwise.alpha, eltwise.beta);
            const dnnl::eltwise_forward::primitive_desc description(operation, attributes(), engine_);
            add_primitive(description, dnnl::eltwise_forward(description), {{DNNL_ARG_SRC, in}, {DNNL_ARG_DST, out}});
            in = out;
        }
        finish(index, out);
    }

    void compile_pool(int index, algorithm kind) {
        const Layer& pool = layer(index);
        emit_pool(index, kind, {pool.stride, pool.stride}, {pool.kernel_height, pool.kernel_width}, pool.padding);
    }

    void compile_global_pool(int index) {
        const Layer& pool = layer(index);
        THAW_CHECK(pool.output.height == 1 && pool.output.width == 1, "{} in a frozen base", pool.name);
        const Shape& in = layer(pool.inputs[0]).output;
        emit_pool(index, algorithm::pooling_avg_exclude_padding, {1, 1}, {in.height, in.width}, {});
    }

    void emit_pool(int index, algorithm kind, const Dims& strides, const Dims& kernel, const Padding& padding) {
        const Value source = values_.at(layer(index).inputs[0]);
        const dnnl::pooling_forward::desc operation(kInference, kind, source.desc, any_layout(layer(index).output),
                                                    strides, kernel, {padding.top, padding.left},
                                                    {padding.bottom, padding.right});
        const dnnl::pooling_forward::primitive_desc description(operation, attributes(), engine_);
        const Value out = make_value(description.dst_desc());
        add_primitive(description, dnnl::pooling_forward(description), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, out}});
        finish(index, out);
    }

    /// Sums, and products; the second factor may be one number a channel.
    void compile_binary(int index, algorithm kind) {
        Value result = values_.at(layer(index).inputs[0]);
        for (std::size_t i = 1; i < layer(index).inputs.size(); ++i) {
            const Value given = values_.at(layer(index).inputs[i]);
            // oneDNN's slow path awaits numbers a channel that lie otherwise than the map.
            const Value term = in_layout(given, same_layout(result.desc, layer(layer(index).inputs[i]).output));
            const Value out = make_value(result.desc);
            const dnnl::binary::desc operation(kind, result.desc, term.desc, out.desc);
            const dnnl::binary::primitive_desc description(operation, attributes(), engine_);
            add_primitive(description, dnnl::binary(description),
                          {{DNNL_ARG_SRC_0, result}, {DNNL_ARG_SRC_1, term}, {DNNL_ARG_DST, out}});
            if (term.buffer != given.buffer) buffers.give_back(term.buffer);
            if (i > 1) buffers.give_back(result.buffer);
            result = out;
        }
        finish(index, result);
    }

    void compile_scale(int index) {
        const Layer& here = layer(index);
        if (here.factors.size() == 1)
            return emit_eltwises(index, {{algorithm::eltwise_linear, static_cast<float>(here.factors[0]), 0}});
        const Value source = values_.at(here.inputs[0]);
        const Value out = make_value(source.desc);
        const memory::desc plain({1, here.output.channels, 1, 1}, kFloat, Tag::nchw);
        const dnnl::binary::desc operation(algorithm::binary_mul, source.desc, plain, out.desc);
        const dnnl::binary::primitive_desc description(operation, attributes(), engine_);
        const memory factors = constant({here.factors.begin(), here.factors.end()}, plain, plain);
        add_primitive(description, dnnl::binary(description), {{DNNL_ARG_SRC_0, source}, {DNNL_ARG_DST, out}},
                      {{DNNL_ARG_SRC_1, factors}});
        finish(index, out);
    }

    void compile_crop(int index) {
        const Layer& crop = layer(index);
        const Value source = values_.at(crop.inputs[0]);
        const Value out = make_value(same_layout(source.desc, crop.output));
        const memory::desc window =
            source.desc.submemory_desc(dims_of(crop.output), {0, 0, crop.padding.top, crop.padding.left});
        add_reorder({window, source.buffer}, out);
        finish(index, out);
    }

    void compile_concat(int index) {
        std::vector<memory::desc> sources;
        std::vector<std::pair<int, Value>> arguments;
        for (const int input : layer(index).inputs) {
            arguments.emplace_back(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(sources.size()), values_.at(input));
            sources.push_back(values_.at(input).desc);
        }
        const dnnl::concat::primitive_desc description(any_layout(layer(index).output), 1, sources, engine_,
                                                       attributes());
        const Value out = make_value(description.dst_desc());
        arguments.emplace_back(DNNL_ARG_DST, out);
        add_primitive(description, dnnl::concat(description), arguments);
        finish(index, out);
    }

    void finish(int index, const Value& out) {
        retire_inputs({index}, index);
        values_[index] = out;
    }

    LayerReads reads_;
    const TensorMap& tensors_;
    memory::data_type type_;  // of what lies between layers, and of weights
    Value input_;
    std::map<int, Value> values_;
    std::set<int> done_;  // fused into an earlier step
};

}  // namespace

OneDnnProgram compile_for_onednn(const LayerGraph& graph, const TensorMap& tensors, const std::vector<Tap>& taps,
                                 Precision precision, const dnnl::engine& engine) {
    Compiler compiler(graph, tensors, taps, precision, engine);
    OneDnnProgram program;
    for (const Tap& tap : taps) program.outputs.push_back(compiler.tap_output(tap));
    program.input = compiler.input();
    program.steps = std::move(compiler.steps);
    program.buffer_bytes = compiler.buffers.sizes();
    program.scratchpad_bytes = compiler.scratchpad_bytes;
    return program;
}

}  // namespace thaw
