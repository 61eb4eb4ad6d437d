// Whether a file's tensors fit a backbone, and what is said where they do not.
#include "worker/weights/fit_weights.hpp"

#include <gmock/gmock.h>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Input, depthwise convolution, batch-norm, convolution with bias, flatten, dense; on top another dense.
LayerGraph tiny_graph() {
    LayerGraph graph;
    graph.backbone = "tiny";
    const auto add = [&](LayerKind kind, Shape output, const char* tensors) -> Layer& {
        Layer& layer = graph.layers.emplace_back();
        if (graph.layers.size() > 1) layer.inputs = {static_cast<int>(graph.layers.size()) - 2};
        layer.kind = kind;
        layer.output = output;
        layer.tensors = tensors;
        layer.kernel_height = layer.kernel_width = 1;
        return layer;
    };
    add(LayerKind::input, {3, 4, 4}, "");
    Layer& depthwise = add(LayerKind::conv, {3, 4, 4}, "dw");
    depthwise.groups = 3;
    depthwise.kernel_height = 3;
    depthwise.kernel_width = 5;
    add(LayerKind::batch_norm, {3, 4, 4}, "bn");
    add(LayerKind::conv, {8, 4, 4}, "pw").bias = true;
    add(LayerKind::flatten, {128, 1, 1}, "");
    add(LayerKind::dense, {6, 1, 1}, "hidden").bias = true;
    graph.top_begin = static_cast<int>(graph.layers.size());
    add(LayerKind::dense, {10, 1, 1}, "top").bias = true;
    return graph;
}

TensorMap fitting_tensors() {
    TensorMap tensors;
    const auto add = [&](const char* name, std::vector<std::int64_t> shape) { tensors[name].shape = std::move(shape); };
    add("dw.weight", {3, 1, 3, 5});
    for (const char* part : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}) add(part, {3});
    add("pw.weight", {8, 3, 1, 1});
    add("pw.bias", {8});
    add("hidden.weight", {6, 128});
    add("hidden.bias", {6});
    return tensors;
}

std::string complaint(const TensorMap& tensors) {
    try {
        fit_weights(tiny_graph(), {"test", tensors, {}}, "some.pth");
        return "";
    } catch (const UserError& error) {
        return error.what();
    }
}

TEST(WeightsFit, NeedsAllOfTheBaseAndNothingOfTheTop) {
    TensorMap tensors = fitting_tensors();
    EXPECT_EQ(complaint(tensors), "");
    tensors["top.weight"].shape = {1, 1};
    tensors["bn.num_batches_tracked"] = {};
    EXPECT_EQ(complaint(tensors), "");
    for (const auto& [name, tensor] : fitting_tensors()) {
        TensorMap less = fitting_tensors();
        less.erase(name);
        EXPECT_THAT(complaint(less), HasSubstr("1 tensor missing (" + name + ")"));
    }
}

TEST(WeightsFit, NamesFileBackboneAndBothShapes) {
    TensorMap tensors = fitting_tensors();
    tensors["pw.weight"].shape = {8, 4, 1, 1};
    EXPECT_THAT(complaint(tensors),
                testing::AllOf(HasSubstr("some.pth"), HasSubstr("'tiny'"), Not(HasSubstr("missing")),
                               HasSubstr("pw.weight is [8, 4, 1, 1], needs [8, 3, 1, 1]")));
}

TEST(WeightsFit, NamesFiveOfManyAndWhatTheFileHasInstead) {
    const TensorMap strangers = {{"layer1.weight", {{1}, {1}}}, {"layer1.bias", {{1}, {1}}}};
    EXPECT_THAT(complaint(strangers),
                testing::AllOf(HasSubstr("9 tensors missing (dw.weight, bn.weight, bn.bias, bn.running_mean, "
                                         "bn.running_var, ...)"),
                               HasSubstr("has 2 tensors (the first: layer1.bias, layer1.weight)")));
}

TEST(WeightsFit, SaysWhichBackboneToWriteForAFileOfAnother) {
    TensorMap tensors;
    for (const NeededTensor& needed : needed_tensors(build_backbone("squeezenet1_1", 64, PaddingStyle::symmetric)))
        tensors[needed.name].shape = needed.shape;
    EXPECT_THAT(complaint(tensors), HasSubstr("write `backbone: squeezenet1_1` for it, or take weights of tiny"));
}

}  // namespace
}  // namespace thaw
