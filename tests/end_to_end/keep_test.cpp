// `keep:`: which weights a trial leaves behind, under which names, and that they are those of the epoch they name.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/fixture.hpp"
#include "worker/weights/safetensors.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Metadata = std::map<std::string, std::string>;

class KeepWeights : public EndToEnd {
  protected:
    fs::path folder(const std::string& runs) const { return folder_ / runs / "test/checkpoints"; }
    std::map<std::string, fs::path> files(const std::string& runs = "runs") const {
        std::map<std::string, fs::path> found;
        if (!fs::exists(folder(runs))) return found;
        for (const auto& entry : fs::directory_iterator(folder(runs)))
            found[entry.path().stem().string()] = entry.path();
        return found;
    }
    static Metadata about(const fs::path& path) { return read_safetensors_metadata(FileReader(path)); }
    /// All files, whole.
    std::string contents(const std::string& runs) const {
        std::string text;
        for (const auto& [trial, path] : files(runs)) text += trial + text_of(path);
        return text;
    }
    /// "trial,epoch,fingerprint" of every file, and what the results say about the epoch that `which` selects.
    void expect_epochs(const std::string& which, const std::string& runs = "runs") {
        std::string said;
        for (const auto& [trial, path] : files(runs)) {
            const Metadata metadata = about(path);
            said += trial + "," + metadata.at("epoch") + "," + metadata.at("fingerprint") + "\n";
        }
        EXPECT_EQ(said, query("SELECT trial, epoch, weights FROM epochs AS e WHERE epoch = (SELECT epoch FROM epochs"
                              " WHERE trial = e.trial ORDER BY " +
                                  which + " LIMIT 1) ORDER BY trial",
                              runs));
    }
};

const std::string kBest = "validation_accuracy DESC, epoch", kLast = "epoch DESC";

TEST_F(KeepWeights, OfTheBestTrialAloneUnlessASweepAsksForMore) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nhead: [none, \"16\"]\nepochs: 1\n")).exit_code, 0);
    EXPECT_EQ(files().size(), 1u);
    EXPECT_EQ(query("SELECT trial FROM leaderboard WHERE rank = 1"), files().begin()->first + "\n");
}

TEST_F(KeepWeights, OfTheBestOrTheLastEpochWhateverIsShared) {
    const std::string axes = std::string(kMixedAxes);
    for (const auto& [keep, which] : {std::pair{"best", kBest}, {"last", kLast}}) {
        const std::string file = sweep(axes + "keep: " + keep + "\n");
        const std::string shared = std::string("shared_") + keep, separate = std::string("separate_") + keep;
        ASSERT_EQ(run(file, shared).exit_code, 0);
        EXPECT_EQ(files(shared).size(), 12u);
        expect_epochs(which, shared);
        ASSERT_EQ(run(file, separate, {"--no-sharing"}).exit_code, 0);
        EXPECT_EQ(contents(shared) == contents(separate), true) << keep;
    }
    EXPECT_EQ(results("shared_best"), results("shared_last")) << "it is no part of a trial";
}

TEST_F(KeepWeights, UnderTheNamesOfTheirLayersWithAllThatIsNeededToUseThem) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nfreeze: [all, features.17]\nhead: [none, \"16\"]\nepochs: 1\n"
                        "keep: last\n"))
                  .exit_code,
              0);
    for (const auto& [trial, path] : files()) {
        const TensorMap tensors = read_safetensors(FileReader(path));
        const Metadata metadata = about(path);
        const auto spec = nlohmann::json::parse(metadata.at("trial"));
        EXPECT_EQ(spec.at("id"), trial);
        EXPECT_EQ(metadata.at("classes"), R"(["circle","square","triangle"])");
        EXPECT_FALSE(metadata.at("preprocessing").empty());
        const bool hidden = !spec.at("head").at("widths").empty();
        const auto& first = tensors.at("head.0.weight");
        EXPECT_EQ(first.shape, (std::vector<std::int64_t>{hidden ? 16 : 3, 1280}));
        EXPECT_EQ(tensors.at(hidden ? "head.1.bias" : "head.0.bias").shape, std::vector<std::int64_t>{3});
        EXPECT_EQ(tensors.contains("head.1.weight"), hidden);
        const bool tail = spec.at("freeze") != "all";
        for (const char* name : {"features.18.0.weight", "features.18.1.weight", "features.18.1.bias",
                                 "features.18.1.running_mean", "features.18.1.running_var"})
            EXPECT_EQ(tensors.contains(name), tail) << name;
        EXPECT_FALSE(tensors.contains("features.17.conv.0.0.weight")) << "it is frozen";
        EXPECT_EQ(tensors.size(), (hidden ? 4u : 2u) + (tail ? 5u : 0u));
    }
}

TEST_F(KeepWeights, OfWhoIsStoppedEarlyThatOfItsOwnEpochs) {
    const std::string axes =
        "backbone: mobilenet_v2\nhead: [none, \"16\", \"32\"]\nlearning_rate: [1e-4, 1e-3, 1e-2]\n"
        "epochs: 9\nsearch: {asha: {reduction_factor: 3}}\nkeep: ";
    for (const auto& [keep, which] : {std::pair{"best", kBest}, {"last", kLast}}) {
        ASSERT_EQ(run(sweep(axes + keep + "\n"), keep).exit_code, 0);
        EXPECT_EQ(query("SELECT count(*) FROM stopped_trials", keep), "8\n");
        EXPECT_EQ(files(keep).size(), 9u);
        expect_epochs(which, keep);
    }
}

TEST_F(KeepWeights, WhoGoesOnFromASnapshotWithoutAFileTrainsAgainForIt) {
    const std::string tail = "backbone: mobilenet_v2\nfreeze: features.17\nepochs: ";
    ASSERT_EQ(run(sweep(tail + "8\n")).exit_code, 0);
    for (const char* keep : {"best", "last"}) {
        ASSERT_EQ(run(sweep(tail + "[8, 12]\nkeep: " + keep + "\n"), keep).exit_code, 0);
        // The cache of the first sweep, with its snapshot.
        fs::create_directories(folder_ / (std::string("again_") + keep));
        fs::copy(cache(), cache(std::string("again_") + keep), fs::copy_options::recursive);
        ASSERT_EQ(run(sweep(tail + "[8, 12]\nkeep: " + keep + "\n"), std::string("again_") + keep).exit_code, 0);
        EXPECT_EQ(contents(keep) == contents(std::string("again_") + keep), true) << keep;
    }
}

TEST_F(KeepWeights, OfTrialsThatAreFinishedNothingAndItSaysSo) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nepochs: 1\nhead: [none, \"16\"]\n")).exit_code, 0);
    const Ended ended = run(sweep("backbone: mobilenet_v2\nepochs: 1\nhead: [none, \"16\", \"32\"]\nkeep: best\n"));
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.errors, HasSubstr("1 finished trials have no checkpoint"));
    EXPECT_EQ(files().size(), 2u) << "of the best of the first two, and of the third";
}

}  // namespace
}  // namespace thaw
