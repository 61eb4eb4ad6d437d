// The report of a sweep over real photos says what its database has.
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

class RealReport : public EndToEnd {};

TEST_F(RealReport, SaysWhatTheDatabaseHas) {
    const std::filesystem::path shared = std::filesystem::path(THAW_SOURCE_DIR) / "../shared";
    const std::filesystem::path photos = shared / "data/hymenoptera", weights = shared / "weights";
    if (!std::filesystem::is_directory(photos) || !std::filesystem::is_directory(weights))
        GTEST_SKIP() << "neither photos nor weights in " << shared;
    const std::filesystem::path file = folder_ / "real.yaml";
    std::ofstream(file) << "name: test\ndata: {folder: " << std::filesystem::canonical(photos).string() << "}\n"
                        << R"(backbone: [mobilenet_v1, mobilenet_v2]
image_size: 64
freeze: [all, 97%]
head: [none, "64"]
dropout: [0.2, 0.5]
learning_rate: [1e-3, 3e-3]
epochs: 6
seed: [1, 2, 3]
exclude:
  - {freeze: 97%, head: none}
  - {freeze: 97%, dropout: 0.5}
)";
    const Ended ended = run(file.string(), "runs", {"--weights-dir", weights.string()});
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    const std::string results = (folder_ / "runs/test").string();
    const Ended checked = call({"python3", THAW_SOURCE_DIR "/tests/results/report/sentences.py",
                                results + "/results.db", results + "/report.md"});
    EXPECT_EQ(checked.exit_code, 0) << checked.output;
}

}  // namespace
}  // namespace thaw
