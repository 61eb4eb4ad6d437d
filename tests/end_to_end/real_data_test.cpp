// Real photos and real weights: the accuracy that they are known to reach.
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

class RealData : public EndToEnd {};

TEST_F(RealData, FrozenMobileNetTellsAntsFromBees) {
    const std::filesystem::path shared = std::filesystem::path(THAW_SOURCE_DIR) / "../shared";
    const std::filesystem::path photos = shared / "data/hymenoptera", weights = shared / "weights";
    if (!std::filesystem::is_directory(photos) || !std::filesystem::is_directory(weights))
        GTEST_SKIP() << "neither photos nor weights in " << shared;
    const std::filesystem::path file = folder_ / "real.yaml";
    std::ofstream(file) << "name: test\ndata: {folder: " << std::filesystem::canonical(photos).string()
                        << "}\nbackbone: mobilenet_v2\nimage_size: 96\nfreeze: all\n"
                        << "head: [none, \"128\"]\nlearning_rate: 1e-3\nepochs: 8\n";
    const Ended ended = run(file.string(), "runs", {"--weights-dir", weights.string()});
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_EQ(query("SELECT count(*) FROM leaderboard"), "2\n");
    // At 224 pixels logistic regression reaches 0.935; luck alone would give 0.5.
    EXPECT_GT(std::stod(query("SELECT min(validation_accuracy) FROM leaderboard")), 0.75);
}

}  // namespace
}  // namespace thaw
