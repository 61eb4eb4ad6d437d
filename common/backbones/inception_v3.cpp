#include <initializer_list>
#include <utility>

#include "common/backbones/families.hpp"

namespace thaw {
namespace {

constexpr BatchNorm kInceptionV3Norm{.epsilon = 1e-3};

/// torchvision's BasicConv2d.
int basic_conv(GraphBuilder& graph, const std::string& name, const Conv& conv, int from = GraphBuilder::kLast) {
    graph.conv(name + ".conv", conv, from);
    graph.batch_norm(name + ".bn", kInceptionV3Norm);
    return graph.activation(name + ".relu", Activation::relu);
}

/// A convolution that keeps height and width.
Conv keeping(int channels, const Kernel& kernel = 1) {
    const int rows = kernel.height / 2, columns = kernel.width / 2;
    return {.channels = channels, .kernel = kernel, .padding = {rows, rows, columns, columns}};
}

/// One that halves them, without padding.
Conv halving(int channels) {
    return {.channels = channels, .kernel = 3, .stride = 2};
}

/// A module of branches side by side, which all read the layer before it.
class Mixed {
  public:
    Mixed(GraphBuilder& graph, const std::string& name) : graph_(graph), prefix_(name + "."), input_(graph.last()) {
        graph.begin_block(name);
    }
    /// A chain of convolutions, named after the branch: NAME_1, NAME_2, ...; a branch of one has no number.
    int branch(const std::string& name, std::initializer_list<Conv> convs) {
        int from = input_, number = 0;
        for (const Conv& conv : convs) {
            const std::string suffix = convs.size() > 1 ? "_" + std::to_string(++number) : "";
            from = basic_conv(graph_, prefix_ + name + suffix, conv, from);
        }
        return from;
    }
    int average_branch(int channels) {
        const int pooled = graph_.average_pool(prefix_ + "avgpool", 3, 1, around(1), input_, /*count_padding=*/true);
        return basic_conv(graph_, prefix_ + "branch_pool", keeping(channels), pooled);
    }
    int max_branch() { return graph_.max_pool(prefix_ + "maxpool", 3, 2, {}, input_); }
    /// Two convolutions that both read `from`.
    int fork(const std::string& name, int channels, int from) {
        const int wide = basic_conv(graph_, prefix_ + name + "a", keeping(channels, {1, 3}), from);
        const int high = basic_conv(graph_, prefix_ + name + "b", keeping(channels, {3, 1}), from);
        return graph_.concat(prefix_ + name + "_concat", {wide, high});
    }
    void join(const std::vector<int>& branches) { graph_.concat(prefix_ + "concat", branches); }

  private:
    GraphBuilder& graph_;
    std::string prefix_;
    int input_;
};

void mixed_5(GraphBuilder& graph, const std::string& name, int pooled) {
    Mixed mixed(graph, name);
    const int one = mixed.branch("branch1x1", {keeping(64)});
    const int five = mixed.branch("branch5x5", {keeping(48), keeping(64, 5)});
    const int twice = mixed.branch("branch3x3dbl", {keeping(64), keeping(96, 3), keeping(96, 3)});
    mixed.join({one, five, twice, mixed.average_branch(pooled)});
}

void mixed_6a(GraphBuilder& graph) {
    Mixed mixed(graph, "Mixed_6a");
    const int three = mixed.branch("branch3x3", {halving(384)});
    const int twice = mixed.branch("branch3x3dbl", {keeping(64), keeping(96, 3), halving(96)});
    mixed.join({three, twice, mixed.max_branch()});
}

void mixed_6(GraphBuilder& graph, const std::string& name, int c) {
    const Kernel wide(1, 7), high(7, 1);
    Mixed mixed(graph, name);
    const int one = mixed.branch("branch1x1", {keeping(192)});
    const int seven = mixed.branch("branch7x7", {keeping(c), keeping(c, wide), keeping(192, high)});
    const int twice = mixed.branch(
        "branch7x7dbl", {keeping(c), keeping(c, high), keeping(c, wide), keeping(c, high), keeping(192, wide)});
    mixed.join({one, seven, twice, mixed.average_branch(192)});
}

void mixed_7a(GraphBuilder& graph) {
    Mixed mixed(graph, "Mixed_7a");
    const int three = mixed.branch("branch3x3", {keeping(192), halving(320)});
    const int seven =
        mixed.branch("branch7x7x3", {keeping(192), keeping(192, {1, 7}), keeping(192, {7, 1}), halving(192)});
    mixed.join({three, seven, mixed.max_branch()});
}

void mixed_7(GraphBuilder& graph, const std::string& name) {
    Mixed mixed(graph, name);
    const int one = mixed.branch("branch1x1", {keeping(320)});
    const int three = mixed.fork("branch3x3_2", 384, mixed.branch("branch3x3_1", {keeping(384)}));
    const int twice = mixed.branch("branch3x3dbl", {keeping(448), keeping(384, 3)});
    const int forked = mixed.fork("branch3x3dbl_3", 384, twice);
    mixed.join({one, three, forked, mixed.average_branch(192)});
}

void stem(GraphBuilder& graph) {
    const auto add = [&](const char* name, const Conv& conv) {
        graph.begin_block(name);
        basic_conv(graph, name, conv);
    };
    add("Conv2d_1a_3x3", halving(32));
    add("Conv2d_2a_3x3", {.channels = 32, .kernel = 3});
    add("Conv2d_2b_3x3", keeping(64, 3));
    graph.max_pool("maxpool1", 3, 2);
    add("Conv2d_3b_1x1", keeping(80));
    add("Conv2d_4a_3x3", {.channels = 192, .kernel = 3});
    graph.max_pool("maxpool2", 3, 2);
}

}  // namespace

/// As torchvision without transform_input, which is the weights' preprocessing, and without the auxiliary classifier.
static void build_inception_v3(GraphBuilder& graph, int classes) {
    stem(graph);
    for (const auto& [name, pooled] : {std::pair{"Mixed_5b", 32}, {"Mixed_5c", 64}, {"Mixed_5d", 64}})
        mixed_5(graph, name, pooled);
    mixed_6a(graph);
    for (const auto& [name, c] : {std::pair{"Mixed_6b", 128}, {"Mixed_6c", 160}, {"Mixed_6d", 160}, {"Mixed_6e", 192}})
        mixed_6(graph, name, c);
    mixed_7a(graph);
    for (const char* name : {"Mixed_7b", "Mixed_7c"}) mixed_7(graph, name);
    graph.begin_top();
    graph.global_average_pool("avgpool");
    graph.dropout("dropout");
    graph.dense("fc", classes);
}

const std::vector<BackboneRow>& inception_v3_rows() {
    static const std::vector<BackboneRow> rows = {
        {{"inception_v3", "Inception", "torchvision", 299, 75, 0.77294, 0.9345},
         build_inception_v3,
         // torchvision preprocesses as always, then undoes that inside the network (transform_input): what is left is
         // tf's.
         {torchvision(1, "inception_v3_google-0cc3c7bd.pth", "0cc3c7bd", "tf")}},
    };
    return rows;
}

}  // namespace thaw
