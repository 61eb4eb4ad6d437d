// Whether a file's tensors fit a backbone, and what is said where they do not.
#include "worker/weights/fit_weights.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "common/backbones/backbones.hpp"
#include "common/util/error.hpp"
#include "tests/worker/weights/tiny_graph.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;
using testing::Not;

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

TEST(WeightsFit, RefusesWeightsThatAreNoNumbers) {
    TensorMap tensors = fitting_tensors();
    tensors["bn.running_var"].values = {NAN, 1, -INFINITY};
    tensors["unrelated"] = {{1}, {NAN}};
    EXPECT_THAT(complaint(tensors), testing::AllOf(HasSubstr("some.pth"),
                                                   HasSubstr("'bn.running_var' has 2 values that are no numbers "
                                                             "(1 nan, 1 inf)"),
                                                   Not(HasSubstr("unrelated"))));
}

TEST(WeightsFit, TellsWhatIsTakenAndWhatIsLeft) {
    TensorMap tensors;
    for (const auto& [name, tensor] : fitting_tensors()) {
        tensors["model.module." + name] = tensor;
        tensors["model_ema.module." + name] = tensor;
    }
    tensors["model_ema.n_averaged"] = {};
    EXPECT_EQ(taken_text(find_fit(tiny_graph(), {"test", fitting_tensors(), {}})), "");
    EXPECT_EQ(taken_text(find_fit(tiny_graph(), {"test", tensors, {}})),
              "taken: the 9 tensors under 'model.module.'; left: 10 tensors that the backbone has no place for "
              "(model_ema.module.bn.bias, model_ema.module.bn.running_mean, model_ema.module.bn.running_var, "
              "model_ema.module.bn.weight, model_ema.module.dw.weight, ...); those under 'model_ema.module.' would fit "
              "as well");
}

TEST(WeightsFit, SaysOfWrappedTensorsWhichAreMissing) {
    TensorMap tensors;
    for (const auto& [name, tensor] : fitting_tensors())
        if (name != "pw.bias") tensors["net.encoder." + name] = tensor;
    EXPECT_THAT(complaint(tensors), testing::AllOf(HasSubstr("1 tensor missing (pw.bias)"),
                                                   HasSubstr("looked at those under 'net.encoder.'")));
}

}  // namespace
}  // namespace thaw
