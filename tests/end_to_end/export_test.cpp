// `thaw export-model`: a trained trial that others load: PyTorch says of it what thaw said of the trial.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/end_to_end/fixture.hpp"
#include "tests/support/python.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ExportModel : public EndToEnd {
  protected:
    /// A sweep of one trial a freeze depth over two folders of images, of the size that the network takes.
    std::string kept_sweep(const std::string& more) {
        draw_shapes(folder_ / "parted/train", 8);
        draw_shapes(folder_ / "parted/validation", 5);
        const fs::path file = folder_ / "sweep.yaml";
        std::ofstream(file) << "name: test\ndata: {folder: parted}\nweights: random\nimage_size: 40\nbatch_size: 8\n"
                            << "epochs: 2\nkeep: last\n"
                            << more;
        return file.string();
    }
    Ended export_model(const std::string& trial, const std::string& to) {
        return thaw({"export-model", "test", "--trial", trial, "-o", (folder_ / to).string(), "--runs",
                     (folder_ / "runs").string()});
    }
    std::string only_trial() {
        std::string id = query("SELECT id FROM trials");
        return id.substr(0, id.find('\n'));
    }
};

TEST_F(ExportModel, IsLoadedStrictlyByTorchvisionWhichFindsTheSameLoss) {
    for (const std::string trial : {"freeze: all\nhead: none\n", "freeze: layer3\nhead: \"16\"\n"}) {
        SCOPED_TRACE(trial);
        fs::remove_all(folder_ / "runs");
        ASSERT_EQ(run(kept_sweep("backbone: resnet18\n" + trial)).exit_code, 0);
        const Ended ended = export_model(only_trial(), "model.safetensors");
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
        const Ended asked = call({python_for_checks(), THAW_SOURCE_DIR "/tests/parity/exported_model.py",
                                  (folder_ / "model.safetensors").string(), (folder_ / "parted/validation").string()});
        if (lacks_tools(asked.exit_code)) GTEST_SKIP() << "no THAW_PYTHON: " << asked.output;
        ASSERT_EQ(asked.exit_code, 0) << asked.errors;
        double loss = 0, accuracy = 0, known_loss = 0, known_accuracy = 0;
        std::istringstream(asked.output) >> loss >> accuracy;
        std::string known =
            query("SELECT validation_loss, validation_accuracy FROM epochs ORDER BY epoch DESC LIMIT 1");
        std::ranges::replace(known, ',', ' ');
        std::istringstream(known) >> known_loss >> known_accuracy;
        EXPECT_NEAR(loss, known_loss, 1e-4 * known_loss);
        EXPECT_NEAR(accuracy, known_accuracy, 1e-6);
    }
}

TEST_F(ExportModel, AsTorchScriptSaysOfPhotosWhatPredictSays) {
    for (const std::string trial : {"backbone: mobilenet_v3_small\nfreeze: all\nhead: \"16\"\n",
                                    "backbone: keras_resnet50\nfreeze: conv5_block3_1_relu\nhead: none\n",
                                    "backbone: mobilenet_v2\nuntil: features.10\nfreeze: features.8\n"
                                    "head: {pooling: max, dense: [16, 8], activation: [gelu, selu]}\n"}) {
        SCOPED_TRACE(trial);
        fs::remove_all(folder_ / "runs");
        const Ended swept = run(kept_sweep(trial));
        ASSERT_EQ(swept.exit_code, 0) << swept.errors;
        const Ended exported = export_model(only_trial(), "model.pt");
        ASSERT_EQ(exported.exit_code, 0) << exported.errors;
        const Ended predicted = thaw({"predict", "test", (folder_ / "parted/validation").string(), "--json", "--runs",
                                      (folder_ / "runs").string()});
        ASSERT_EQ(predicted.exit_code, 0) << predicted.errors;
        std::ofstream(folder_ / "said.json") << predicted.output;
        const Ended asked = call({python_for_checks(), THAW_SOURCE_DIR "/tests/parity/exported_script.py",
                                  (folder_ / "model.pt").string(), (folder_ / "said.json").string()});
        if (lacks_tools(asked.exit_code)) GTEST_SKIP() << "no THAW_PYTHON: " << asked.output;
        ASSERT_EQ(asked.exit_code, 0) << asked.errors;
        EXPECT_LT(std::stod(asked.output), 1e-5);
    }
}

TEST_F(ExportModel, HasTheWholeBaseTheHeadAndAllThatIsNeededToUseThem) {
    ASSERT_EQ(run(kept_sweep("backbone: mobilenet_v2\n")).exit_code, 0);
    ASSERT_EQ(export_model(only_trial(), "model.safetensors").exit_code, 0);
    const FileReader file(folder_ / "model.safetensors");
    const TensorMap tensors = read_safetensors(file);
    EXPECT_EQ(tensors.size(), 260u + 2u) << "52 convolutions and 52 batch-norms, and the head";
    EXPECT_TRUE(tensors.contains("features.0.0.weight"));
    EXPECT_FALSE(tensors.contains("classifier.1.weight"));
    const auto about = read_safetensors_metadata(file);
    EXPECT_EQ(about.at("classes"), R"(["circle","square","triangle"])");
    EXPECT_EQ(about.at("backbone"), "mobilenet_v2");
    EXPECT_EQ(about.at("channels"), "RGB");
    EXPECT_EQ(nlohmann::json::parse(about.at("mean")).size(), 3u);
}

TEST_F(ExportModel, SaysWhatIsMissing) {
    ASSERT_EQ(run(kept_sweep("backbone: mobilenet_v2\n")).exit_code, 0);
    const Ended unknown = export_model("0000000000000000", "model.safetensors");
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.errors, HasSubstr("no trained weights of trial '0000000000000000'"));
}

}  // namespace
}  // namespace thaw
