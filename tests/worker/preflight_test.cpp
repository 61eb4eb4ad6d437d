// What is checked before a sweep starts: the images, the weights and the machine.
#include "worker/preflight.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class PreflightTest : public testing::Test {
  protected:
    PreflightTest() {
        for (const char* name : {"cat", "dog"})
            for (int i = 0; i < 5; ++i) add(name, i);
        for (const char* name : {"scratch", "cache", "weights"}) fs::create_directories(folder / name);
        request.data_folder = folder / "photos";
        request.scratch = folder / "scratch";
        request.cache = folder / "cache";
        request.weights_folders = {folder / "weights"};
        request.networks = {{"mobilenet_v2", "random", 64, "", ""}};
        request.threads = 2;
    }
    /// A file of its own content: nothing is decoded yet.
    void add(const std::string& name, int number) {
        fs::create_directories(folder / "photos" / name);
        std::ofstream(folder / "photos" / name / (std::to_string(number) + ".png")) << name << number;
    }

    TemporaryFolder folder;
    PreflightRequest request;
};

TEST_F(PreflightTest, CountsTheImagesAndTheirBytes) {
    const Inputs inputs = inspect_inputs(request);
    EXPECT_THAT(inputs.classes, ElementsAre("cat", "dog"));
    EXPECT_EQ(inputs.train_images + inputs.validation_images, 10);
    EXPECT_GT(inputs.validation_images, 0);
    EXPECT_EQ(inputs.test_images, 0);
    EXPECT_EQ(inputs.image_bytes, 10 * 4);
}

TEST_F(PreflightTest, WritesTheListOfImagesForTheWorkers) {
    EXPECT_TRUE(fs::exists(inspect_inputs(request).dataset));
}

TEST_F(PreflightTest, NamesImagesByTheirContentsNotByTheirPlaces) {
    const Inputs before = inspect_inputs(request);
    fs::rename(folder / "photos", folder / "elsewhere");
    request.data_folder = folder / "elsewhere";
    const Inputs moved = inspect_inputs(request);
    EXPECT_EQ(moved.images_key, before.images_key);
    std::ofstream(folder / "elsewhere/cat/0.png") << "another";
    const Inputs changed = inspect_inputs(request);
    EXPECT_NE(changed.images_key, before.images_key);
    EXPECT_NE(changed.dataset_fingerprint, before.dataset_fingerprint);
}

TEST_F(PreflightTest, RandomWeightsNeedNoFile) {
    const Inputs inputs = inspect_inputs(request);
    const WeightsSpec& weights = inputs.weights.at({"mobilenet_v2", "random"});
    EXPECT_EQ(weights.path, "");
    EXPECT_EQ(weights.sha256, "");
}

TEST_F(PreflightTest, RefusesWeightsThatAreNotThereWithTheirPlaceInTheSweepFile) {
    request.networks = {{"mobilenet_v2", "imagenet", 64, "", "",
                         [](const std::string& message) { return UserError("sweep.yaml:3: {}", message); }}};
    EXPECT_THAT([&] { inspect_inputs(request); }, ThrowsMessage<UserError>(HasSubstr("sweep.yaml:3: ")));
}

TEST_F(PreflightTest, RefusesAFileThatHoldsNoWeights) {
    const fs::path file = folder / "weights/mine.safetensors";
    std::ofstream(file) << "no weights";
    request.networks = {{"mobilenet_v2", file.string(), 64, "torch", "symmetric"}};
    EXPECT_THAT([&] { inspect_inputs(request); }, ThrowsMessage<UserError>(HasSubstr("mine.safetensors")));
}

TEST_F(PreflightTest, RefusesAFolderThatIsNotThere) {
    request.data_folder = folder / "nowhere";
    EXPECT_THAT([&] { inspect_inputs(request); }, ThrowsMessage<UserError>(HasSubstr("nowhere")));
}

}  // namespace
}  // namespace thaw
