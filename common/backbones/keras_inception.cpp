// InceptionV3 and InceptionResNetV2. Keras names few of their layers: most are numbered in the order of creation.
#include <fmt/format.h>

#include "common/backbones/families.hpp"
#include "common/backbones/keras_names.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kKerasInceptionNorm{.epsilon = 1e-3, .momentum = 0.01, .gamma = false};

/// One convolution of a branch, normalized and activated. Strided ones are not padded.
struct Step {
    int channels;
    Kernel kernel;
    int stride = 1;
};
using Steps = std::vector<Step>;
using Branches = std::vector<Steps>;

const Kernel kRow{1, 7}, kColumn{7, 1};

class Inception {
  public:
    explicit Inception(GraphBuilder& graph) : graph_(graph) { graph.follow_keras(); }

    int convolve(const Step& step, const Padding& padding, int from) {
        graph_.conv(names_("conv2d"),
                    {.channels = step.channels, .kernel = step.kernel, .stride = step.stride, .padding = padding},
                    from);
        graph_.batch_norm(names_("batch_normalization"), kKerasInceptionNorm);
        return graph_.activation(names_("activation"), Activation::relu);
    }

    int branch(const Steps& steps, int from) {
        for (const Step& step : steps)
            from = convolve(step, step.stride == 1 ? graph_.same(step.kernel, 1, from) : Padding{}, from);
        return from;
    }

    std::vector<int> branches(const Branches& all) {
        const int input = graph_.last();
        std::vector<int> ends;
        for (const Steps& steps : all) ends.push_back(branch(steps, input));
        return ends;
    }

    int max_pool(int from) { return graph_.max_pool(names_("max_pooling2d"), 3, 2, {}, from); }
    int average_pool(int from) {
        return graph_.average_pool(names_("average_pooling2d"), 3, 1, graph_.same(3, 1, from), from);
    }

    /// Both networks begin so.
    void stem() {
        graph_.begin_block("stem");
        for (const Step& step : {Step{32, 3, 2}, Step{32, 3}}) convolve(step, {}, graph_.last());
        branch({{64, 3}}, graph_.last());
        max_pool(graph_.last());
        for (const Step& step : {Step{80, 1}, Step{192, 3}}) convolve(step, {}, graph_.last());
        max_pool(graph_.last());
    }

    /// Branches and an average pool with a convolution behind it, side by side.
    void mixed(const std::string& name, const Branches& all, int pooled_channels) {
        graph_.begin_block(name);
        const int input = graph_.last();
        std::vector<int> ends = branches(all);
        ends.push_back(branch({{pooled_channels, 1}}, average_pool(input)));
        graph_.concat(name, ends);
    }

    /// Branches that stride and a maximum pool.
    void reduce(const std::string& name, const Branches& all) {
        graph_.begin_block(name);
        const int input = graph_.last();
        std::vector<int> ends = branches(all);
        ends.push_back(max_pool(input));
        graph_.concat(name, ends);
    }

    /// Two convolutions of the same input, joined.
    int fork(const std::string& name, const Steps& steps, int from) {
        const int left = branch({steps[0]}, from);
        return graph_.concat(name, {left, branch({steps[1]}, from)});
    }

    /// The last two blocks of InceptionV3, whose branches fork.
    void wide(const std::string& name, const std::string& fork_name) {
        graph_.begin_block(name);
        const Steps forked = {{384, {1, 3}}, {384, {3, 1}}};
        const int input = graph_.last();
        std::vector<int> ends = {branch({{320, 1}}, input)};
        ends.push_back(fork(fork_name, forked, branch({{384, 1}}, input)));
        ends.push_back(fork(names_("concatenate"), forked, branch({{448, 1}, {384, 3}}, input)));
        ends.push_back(branch({{192, 1}}, average_pool(input)));
        graph_.concat(name, ends);
    }

    /// The input and, scaled, what the branches make of it.
    void residual(const std::string& name, const Branches& all, double scale, bool activates = true) {
        graph_.begin_block(name);
        const int input = graph_.last();
        const int channels = graph_.channels();
        graph_.concat(name + "_mixed", branches(all));
        graph_.conv(name + "_conv", {.channels = channels, .bias = true});
        const std::string sum = names_("custom_scale_layer");
        graph_.add(sum, {input, graph_.scale(sum + ".scale", {scale})});
        if (activates) graph_.activation(name + "_ac", Activation::relu);
    }

    void top(int classes) {
        graph_.begin_top();
        graph_.global_average_pool("avg_pool");
        graph_.dense("predictions", classes);
    }

  private:
    GraphBuilder& graph_;
    KerasNames names_;
};

/// The branches of mixed4 to mixed7.
Branches factorized(int width) {
    return {{{192, 1}},
            {{width, 1}, {width, kRow}, {192, kColumn}},
            {{width, 1}, {width, kColumn}, {width, kRow}, {width, kColumn}, {192, kRow}}};
}

}  // namespace

static void build_keras_inception_v3(GraphBuilder& graph, int classes) {
    Inception net(graph);
    net.stem();
    const Branches first = {{{64, 1}}, {{48, 1}, {64, 5}}, {{64, 1}, {96, 3}, {96, 3}}};
    net.mixed("mixed0", first, 32);
    net.mixed("mixed1", first, 64);
    net.mixed("mixed2", first, 64);
    net.reduce("mixed3", {{{384, 3, 2}}, {{64, 1}, {96, 3}, {96, 3, 2}}});
    net.mixed("mixed4", factorized(128), 192);
    net.mixed("mixed5", factorized(160), 192);
    net.mixed("mixed6", factorized(160), 192);
    net.mixed("mixed7", factorized(192), 192);
    net.reduce("mixed8", {{{192, 1}, {320, 3, 2}}, {{192, 1}, {192, kRow}, {192, kColumn}, {192, 3, 2}}});
    net.wide("mixed9", "mixed9_0");
    net.wide("mixed10", "mixed9_1");
    net.top(classes);
}

static void build_inception_resnet_v2(GraphBuilder& graph, int classes) {
    Inception net(graph);
    net.stem();
    net.mixed("mixed_5b", {{{96, 1}}, {{48, 1}, {64, 5}}, {{64, 1}, {96, 3}, {96, 3}}}, 64);
    for (int i = 1; i <= 10; ++i)
        net.residual(fmt::format("block35_{}", i), {{{32, 1}}, {{32, 1}, {32, 3}}, {{32, 1}, {48, 3}, {64, 3}}}, 0.17);
    net.reduce("mixed_6a", {{{384, 3, 2}}, {{256, 1}, {256, 3}, {384, 3, 2}}});
    for (int i = 1; i <= 20; ++i)
        net.residual(fmt::format("block17_{}", i), {{{192, 1}}, {{128, 1}, {160, kRow}, {192, kColumn}}}, 0.1);
    net.reduce("mixed_7a", {{{256, 1}, {384, 3, 2}}, {{256, 1}, {288, 3, 2}}, {{256, 1}, {288, 3}, {320, 3, 2}}});
    const Branches last = {{{192, 1}}, {{192, 1}, {224, {1, 3}}, {256, {3, 1}}}};
    for (int i = 1; i <= 9; ++i) net.residual(fmt::format("block8_{}", i), last, 0.2);
    net.residual("block8_10", last, 1.0, false);
    graph.begin_block("conv_7b");
    graph.conv("conv_7b", {.channels = 1536});
    graph.batch_norm("conv_7b_bn", kKerasInceptionNorm);
    graph.activation("conv_7b_ac", Activation::relu);
    net.top(classes);
}

const std::vector<BackboneRow>& keras_inception_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"keras_inception_v3", "InceptionV3", "keras", 299, 75, 0.779, 0.937},
         build_keras_inception_v3,
         keras_files("tensorflow/keras-applications/inception_v3", "tf",
                     {"inception_v3_weights_tf_dim_ordering_tf_kernels.h5", "9a0d58056eeedaa3f26cb7ebd46da564"},
                     {"inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5", "bcbd6486424b2319ff4ef7d526e38f63"})},
        {{"inception_resnet_v2", "InceptionResNetV2", "keras", 299, 75, 0.803, 0.953},
         build_inception_resnet_v2,
         keras_files(
             "tensorflow/keras-applications/inception_resnet_v2", "tf",
             {"inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5", "e693bd0210a403b3192acc6073ad2e96"},
             {"inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "d19885ff4a710c122648d3b5c3b684e4"})},
    };
    return rows;
}

}  // namespace thaw
