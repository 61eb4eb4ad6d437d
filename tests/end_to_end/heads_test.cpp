// Bases cut off, losses of two classes, class weights, activations: sweeps as articles have them.
#include <nlohmann/json.hpp>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Circles and squares.
class HeadsRun : public EndToEnd {
  protected:
    void SetUp() override {
        draw_shapes(folder_ / "shapes", 16);
        std::filesystem::remove_all(folder_ / "shapes/triangle");
    }
};

TEST_F(HeadsRun, GiveTheSameBitsWithoutSharingAndOnTwoRanks) {
    const std::string file = sweep(
        "backbone: mobilenet_v2\nuntil: [none, features.10]\nfreeze: [all, features.10]\nranks_per_trial: 1\n"
        "head: {dense: [16], activation: gelu, initializer: he_normal}\ndropout: 0.2\nlabel_smoothing: 0.1\nepochs: 2\n"
        "loss: [categorical_crossentropy, binary_crossentropy]\nclass_weights: [none, balanced, {circle: 3}]\n");
    const Ended shared = run(file, "shared"), alone = run(file, "alone", {"--no-sharing"});
    ASSERT_EQ(shared.exit_code, 0) << shared.errors;
    ASSERT_EQ(alone.exit_code, 0) << alone.errors;
    const Ended ranks = call(world_command(2, file, "ranks"));
    ASSERT_EQ(ranks.exit_code, 0) << ranks.errors;
    // features.10 is all of the shorter base: two freeze depths of the whole one, and one of that.
    EXPECT_EQ(query("SELECT count(*), count(DISTINCT cut) FROM trials", "shared"), "18,2\n");
    EXPECT_EQ(query("SELECT count(*) FROM stages WHERE kind = 'features'", "shared"), "1\n") << "one pass for all";
    EXPECT_EQ(results("alone"), results("shared"));
    EXPECT_EQ(results("ranks"), results("shared"));
}

// By SGD: Adam's first steps are the signs of gradients.
TEST_F(HeadsRun, TailsOfACutOffBaseTrainOnTwoRanksTogetherAsOnOne) {
    const std::string file = sweep(
        "backbone: mobilenet_v2\nuntil: features.10\nfreeze: features.8\nloss: binary_crossentropy\n"
        "label_smoothing: 0.1\nclass_weights: {circle: 2}\nhead: {dense: [16], activation: elu}\nepochs: 2\n"
        "optimizer: {sgd: {momentum: 0.9}}\nlearning_rate: 1e-2\nranks_per_trial: 2\n");
    for (const int ranks : {1, 2}) {
        const Ended ended = call(world_command(ranks, file, std::to_string(ranks)));
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    }
    EXPECT_EQ(query("SELECT ranks FROM stages WHERE kind = 'train'", "2"), "2\n");
    for (const std::string loss : {"train_loss", "validation_loss"})
        for (const std::string epoch : {"1", "2"}) {
            const std::string sql = "SELECT " + loss + " FROM epochs WHERE epoch = " + epoch;
            const double one = std::stod(query(sql, "1"));
            EXPECT_NEAR(std::stod(query(sql, "2")), one, 1e-5 * one) << loss << " of epoch " << epoch;
        }
}

TEST_F(HeadsRun, WhatABinaryLossHasTrainedPredictsWithProbabilitiesOfBothClasses) {
    for (const std::string freeze : {"all", "features.8"}) {
        std::filesystem::remove_all(folder_ / "runs");
        const Ended swept =
            run(sweep("backbone: mobilenet_v2\nuntil: features.10\nloss: binary_crossentropy\nepochs: 4\n"
                      "head: {pooling: flatten, dense: [16], activation: tanh}\nfreeze: " +
                      freeze + "\n"));
        ASSERT_EQ(swept.exit_code, 0) << swept.errors;
        const Ended asked =
            thaw({"predict", "test", (folder_ / "shapes").string(), "--json", "--runs", (folder_ / "runs").string()});
        ASSERT_EQ(asked.exit_code, 0) << asked.errors;
        const auto answer = nlohmann::json::parse(asked.output);
        const std::string right = query(
            "SELECT CAST(round(validation_accuracy * (SELECT count(*) FROM images WHERE part = 'validation')) AS"
            " INTEGER) FROM leaderboard");
        const std::string held_out = query("SELECT path FROM images WHERE part = 'validation'");
        int validated = 0;
        for (const auto& photo : answer.at("photos")) {
            const double circle = photo.at("probabilities").at("circle"),
                         square = photo.at("probabilities").at("square");
            EXPECT_NEAR(circle + square, 1, 1e-6);
            EXPECT_EQ(photo.at("class"), square > circle ? "square" : "circle");
            const std::string path = photo.at("photo");
            const bool is_held_out = held_out.find(path.substr(path.find("shapes/") + 7)) != std::string::npos;
            validated += is_held_out && photo.at("class") == photo.at("label");
        }
        EXPECT_EQ(validated, std::stoi(right)) << freeze;
    }
}

TEST_F(HeadsRun, WhatTheClassesCannotHaveIsRefusedWhereItStands) {
    const Ended weights = run(sweep("backbone: mobilenet_v2\nclass_weights: [balanced, {sqare: 2}]\n"));
    EXPECT_EQ(weights.exit_code, 2);
    EXPECT_THAT(weights.errors,
                AllOf(HasSubstr("sweep.yaml:7:"), HasSubstr("no class 'sqare' (did you mean 'square'?)")));
    const Ended until = run(sweep("backbone: mobilenet_v2\nuntil: features.77\n"));
    EXPECT_EQ(until.exit_code, 2);
    EXPECT_THAT(until.errors, AllOf(HasSubstr("sweep.yaml:7:"), HasSubstr("did you mean 'features.")));
    draw_shapes(folder_ / "shapes", 4);
    const Ended loss = run(sweep("backbone: mobilenet_v2\nloss: binary_crossentropy\n"));
    EXPECT_EQ(loss.exit_code, 2);
    EXPECT_THAT(loss.errors, AllOf(HasSubstr("sweep.yaml:7:7"), HasSubstr("for two classes"), HasSubstr("has 3")));
}

}  // namespace
}  // namespace thaw
