// Ranks that work on one stage together: what they make is what one rank makes.
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;

class GroupRun : public EndToEnd {
  protected:
    // Enough images for two ranks to share a frozen stage.
    void SetUp() override { draw_shapes(folder_ / "shapes", 48); }

    Ended run_on(int ranks, const std::string& axes, const std::string& data = "") {
        return call(world_command(ranks, sweep(axes, data), std::to_string(ranks)));
    }
    std::map<std::string, std::string> arrays(int ranks) {
        std::map<std::string, std::string> contents;
        for (const auto& entry : std::filesystem::directory_iterator(cache(std::to_string(ranks)))) {
            if (entry.path().extension() != ".array") continue;
            std::ifstream file(entry.path(), std::ios::binary);
            contents[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
        }
        return contents;
    }
    std::string stages(int ranks) {
        return query("SELECT DISTINCT kind, ranks FROM stages ORDER BY 1, 2", std::to_string(ranks));
    }
};

TEST_F(GroupRun, MakesTheSameArraysAndHeadsBitForBit) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: [all, features.16]\nhead: [none, \"16\"]\nepochs: 2\n"
        "when:\n  - if: {freeze: features.16}\n    then: {head: none}\n";
    for (const int ranks : {1, 2, 4}) {
        const Ended ended = run_on(ranks, axes);
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    }
    EXPECT_EQ(stages(1), "decode,1\nfeatures,1\ntrain,1\n");
    EXPECT_THAT(stages(2), HasSubstr("decode,2\nfeatures,2\n"));
    EXPECT_FALSE(arrays(1).empty());
    EXPECT_EQ(arrays(2), arrays(1));
    EXPECT_EQ(arrays(4), arrays(1));
    const std::string heads =
        "SELECT id, epoch, quote(train_loss), quote(validation_loss), epochs.weights FROM trials"
        " JOIN epochs ON trial = id WHERE freeze = 'all' ORDER BY 1, 2";
    EXPECT_EQ(query(heads, "2"), query(heads, "1"));
    EXPECT_EQ(query(heads, "4"), query(heads, "1"));
}

// By SGD: Adam's first steps are the signs of gradients, so that it makes of a last digit a step of full length.
TEST_F(GroupRun, TrainsTailsTogetherAsTheSweepSaysAndGoesOnFromTheirSnapshots) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: features.16\noptimizer: {sgd: {momentum: 0.9}}\nlearning_rate: 1e-3\n"
        "ranks_per_trial: 2\nepochs: ";
    for (const int ranks : {1, 2}) {
        const Ended ended = run_on(ranks, axes + "2\n");
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    }
    EXPECT_THAT(stages(2), HasSubstr("train,2\n"));
    for (const std::string loss : {"train_loss", "validation_loss"}) {
        for (const std::string epoch : {"1", "2"}) {
            const std::string sql = "SELECT " + loss + " FROM epochs WHERE epoch = " + epoch;
            const double alone = std::stod(query(sql, "1"));
            EXPECT_NEAR(std::stod(query(sql, "2")), alone, 1e-5 * alone) << loss << " of epoch " << epoch;
        }
    }
    const Ended longer = run_on(2, axes + "4\n");
    ASSERT_EQ(longer.exit_code, 0) << longer.errors;
    EXPECT_EQ(query("SELECT count(*) FROM epochs JOIN trials ON id = trial WHERE trials.epochs = 4", "2"), "4\n");
}

TEST_F(GroupRun, LeavesBadImagesOutAsOneRankDoes) {
    std::ofstream(folder_ / "shapes/circle/damaged.png") << "not a picture";
    const std::string axes = "backbone: mobilenet_v2\nepochs: 1\n";
    const Ended refused = run_on(2, axes);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.errors, HasSubstr("damaged.png"));
    for (const int ranks : {1, 2}) {
        const Ended ended = run_on(ranks, axes, ", on_bad_image: skip");
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    }
    EXPECT_EQ(results("2"), results("1"));
}

TEST_F(GroupRun, ATrialThatDivergesFailsAloneOnAllItsRanks) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: features.16\noptimizer: {sgd: {momentum: 0.99}}\nlearning_rate: [1e-3, 10]\n"
        "head: 64-64-64\nepochs: 40\nranks_per_trial: 2\n";
    EXPECT_EQ(run_on(2, axes).exit_code, 1);
    EXPECT_EQ(query("SELECT learning_rate > 1, state FROM trials ORDER BY 1", "2"), "0,finished\n1,failed\n");
}

}  // namespace
}  // namespace thaw
