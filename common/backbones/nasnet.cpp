#include <fmt/format.h>

#include "common/backbones/families.hpp"
#include "common/backbones/keras_names.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kNasNetNorm{.epsilon = 1e-3, .momentum = 0.0003};
constexpr int kNone = -1;

/// Cells read the outputs of the two cells before them; members return indices of layers.
class NasNet {
  public:
    explicit NasNet(GraphBuilder& graph) : graph_(graph) { graph.follow_keras(); }

    void stem() {
        graph_.begin_block("stem");
        graph_.conv("stem_conv1", {.channels = 32, .kernel = 3, .stride = 2});
        before_ = kNone;
        now_ = graph_.batch_norm("stem_bn1", kNasNetNorm);
    }

    void normal_cell(const std::string& id, int channels) {
        graph_.begin_block("normal_" + id);
        const int p = adjusted(id, channels);
        const int h = squeezed("normal", id, channels);
        const auto name = [&](const char* part) { return fmt::format("normal_{}_{}", part, id); };
        const int x1 = separable(h, channels, 5, 1, name("left1"));
        const int sum1 = graph_.add(name("add_1"), {x1, separable(p, channels, 3, 1, name("right1"))});
        const int x2 = separable(p, channels, 5, 1, name("left2"));
        const int sum2 = graph_.add(name("add_2"), {x2, separable(p, channels, 3, 1, name("right2"))});
        const int sum3 = graph_.add(name("add_3"), {average_pool(name("left3"), h), p});
        const int x4 = average_pool(name("left4"), p);
        const int sum4 = graph_.add(name("add_4"), {x4, average_pool(name("right4"), p)});
        const int sum5 = graph_.add(name("add_5"), {separable(h, channels, 3, 1, name("left5")), h});
        advance(graph_.concat(name("concat"), {p, sum1, sum2, sum3, sum4, sum5}));
    }

    void reduction_cell(const std::string& id, int channels) {
        graph_.begin_block("reduction_" + id);
        const int p = adjusted(id, channels);
        const int h = squeezed("reduction", id, channels);
        const auto name = [&](const char* part) { return fmt::format("reduction_{}_{}", part, id); };
        const int padded = graph_.zero_pad(name("pad_1"), graph_.same(3, 2, h), h);
        const int x1 = separable(h, channels, 5, 2, name("left1"));
        const int sum1 = graph_.add(name("add_1"), {x1, separable(p, channels, 7, 2, name("right1"))});
        const int x2 = graph_.max_pool(name("left2"), 3, 2, {}, padded);
        const int sum2 = graph_.add(name("add_2"), {x2, separable(p, channels, 7, 2, name("right2"))});
        const int x3 = graph_.average_pool(name("left3"), 3, 2, {}, padded);
        const int sum3 = graph_.add(name("add3"), {x3, separable(p, channels, 5, 2, name("right3"))});
        const int sum4 = graph_.add(names_("add"), {sum2, average_pool(name("left4"), sum1)});
        const int x5 = separable(sum1, channels, 3, 1, name("left4"));
        const int sum5 = graph_.add(name("add4"), {x5, graph_.max_pool(name("right5"), 3, 2, {}, padded)});
        advance(graph_.concat(name("concat"), {sum2, sum3, sum4, sum5}));
    }

    void end() {
        graph_.begin_block("last");
        relu(now_);
    }

  private:
    void advance(int output) {
        before_ = now_;
        now_ = output;
    }

    int relu(int from) { return graph_.activation(names_("activation"), Activation::relu, from); }

    int average_pool(const std::string& name, int from) {
        return graph_.average_pool(name, 3, 1, graph_.same(3, 1, from), from);
    }

    /// ReLU, SeparableConv2D and batch-norm, twice.
    int separable(int from, int channels, int kernel, int stride, const std::string& id) {
        relu(from);
        Padding padding = graph_.same(kernel, stride);
        if (stride == 2) {
            graph_.zero_pad("separable_conv_1_pad_" + id, padding);
            padding = {};
        }
        separable_conv("1", channels, {.channels = 0, .kernel = kernel, .stride = stride, .padding = padding}, id);
        relu(graph_.last());
        return separable_conv("2", channels, {.channels = 0, .kernel = kernel, .padding = graph_.same(kernel)}, id);
    }

    int separable_conv(const std::string& number, int channels, Conv depthwise, const std::string& id) {
        const std::string name = fmt::format("separable_conv_{}_{}", number, id);
        depthwise.channels = depthwise.groups = graph_.channels();
        graph_.conv(name + ".depthwise", depthwise);
        graph_.conv(name + ".pointwise", {.channels = channels});
        return graph_.batch_norm(fmt::format("separable_conv_{}_bn_{}", number, id), kNasNetNorm);
    }

    /// The cell's input with its channels.
    int squeezed(const std::string& kind, const std::string& id, int channels) {
        relu(now_);
        graph_.conv(fmt::format("{}_conv_1_{}", kind, id), {.channels = channels});
        return graph_.batch_norm(fmt::format("{}_bn_1_{}", kind, id), kNasNetNorm);
    }

    /// The cell before's input in the size and with the channels of this cell's.
    int adjusted(const std::string& id, int channels) {
        if (before_ == kNone) return now_;
        if (graph_.shape(before_).height != graph_.shape(now_).height) return halved(id, channels);
        if (graph_.channels(before_) == channels) return before_;
        relu(before_);
        graph_.conv("adjust_conv_projection_" + id, {.channels = channels});
        return graph_.batch_norm("adjust_bn_" + id, kNasNetNorm);
    }

    /// Every second pixel, once from the first on and once from the second on.
    int halved(const std::string& id, int channels) {
        const int activated = graph_.activation("adjust_relu_1_" + id, Activation::relu, before_);
        graph_.average_pool("adjust_avg_pool_1_" + id, 1, 2);
        const int even = graph_.conv("adjust_conv_1_" + id, {.channels = channels / 2});
        graph_.zero_pad(names_("zero_padding2d"), {0, 1, 0, 1}, activated);
        graph_.crop(names_("cropping2d"), {1, 0, 1, 0});
        graph_.average_pool("adjust_avg_pool_2_" + id, 1, 2);
        const int odd = graph_.conv("adjust_conv_2_" + id, {.channels = channels / 2});
        graph_.concat(names_("concatenate"), {even, odd});
        return graph_.batch_norm("adjust_bn_" + id, kNasNetNorm);
    }

    GraphBuilder& graph_;
    KerasNames names_;
    int before_ = kNone, now_ = kNone;  // the outputs of the two cells built last
};

}  // namespace

/// NASNet-A (4 @ 1056).
static void build_nasnet_mobile(GraphBuilder& graph, int classes) {
    constexpr int kChannels = 44, kCells = 4;
    NasNet net(graph);
    net.stem();
    net.reduction_cell("stem_1", kChannels / 4);
    net.reduction_cell("stem_2", kChannels / 2);
    for (int stage = 0; stage < 3; ++stage) {
        if (stage > 0) net.reduction_cell(fmt::format("reduce_{}", stage * kCells), kChannels << stage);
        const int first = stage * kCells + (stage > 0 ? 1 : 0);
        for (int i = 0; i < kCells; ++i) net.normal_cell(std::to_string(first + i), kChannels << stage);
    }
    net.end();
    graph.begin_top();
    graph.global_average_pool("global_average_pooling2d");
    graph.dense("predictions", classes);
}

const std::vector<BackboneRow>& nasnet_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"nasnet_mobile", "NASNet", "keras", 224, 32, 0.744, 0.919},
         build_nasnet_mobile,
         keras_files("tensorflow/keras-applications/nasnet", "tf",
                     {"NASNet-mobile.h5", "020fb642bf7360b370c678b08e0adf61"},
                     {"NASNet-mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63"})},
    };
    return rows;
}

}  // namespace thaw
