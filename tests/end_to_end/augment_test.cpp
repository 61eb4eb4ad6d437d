// Augmentation on the real program: views and fresh draws are the same images whoever makes them, and shared, separate,
// grouped or killed the numbers are the same.
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kChanges = "rotation_range: 20, width_shift_range: 0.1, zoom_range: 0.2, horizontal_flip: true";

std::string augment(const std::string& views) {
    return "{views: " + views + ", " + kChanges + "}";
}

/// Heads on views and on fresh images, tails behind a cut, and of all layers.
const std::string kAxes = "backbone: mobilenet_v2\nhead: [none, \"8\"]\ndropout: 0.2\nlearning_rate: 1e-3\n" +
                          ("freeze: [all, features.16]\naugment: [none, " + augment("2") + ", ") + augment("fresh") +
                          "]\nepochs: [1, 3]\nwhen:\n  - if: {freeze: features.16}\n    then: {head: none}\n";

class AugmentedRun : public EndToEnd {
  protected:
    std::string count(const std::string& runs) {
        return query("SELECT count(*), sum(state = 'finished') FROM trials", runs);
    }
};

TEST_F(AugmentedRun, SharingChangesNoResult) {
    const std::string file = sweep(kAxes);
    ASSERT_EQ(run(file, "shared").exit_code, 0);
    EXPECT_EQ(count("shared"), "18,18\n");
    ASSERT_EQ(run(file, "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results("separate"), results("shared"));
    const std::string runs = (folder_ / "one_thread").string();
    ASSERT_EQ(thaw({"run", file, "--quiet", "--threads", "1", "--runs", runs}).exit_code, 0);
    EXPECT_EQ(results("one_thread"), results("shared"));
}

/// Numbers of all epochs, without the trials' names.
constexpr const char* kNumbers =
    "SELECT trials.freeze, epoch, quote(train_loss), quote(validation_loss), epochs.weights FROM trials"
    " JOIN epochs ON trial = trials.id ORDER BY 1, 2";

TEST_F(AugmentedRun, AsManyViewsAsEpochsAreFreshImages) {
    const auto axes = [](const std::string& views) {
        return "backbone: mobilenet_v2\nfreeze: [all, features.16, none]\nhead: \"8\"\ndropout: 0.3\nepochs: 3\n"
               "augment: " +
               augment(views) + "\n";
    };
    ASSERT_EQ(run(sweep(axes("3")), "views").exit_code, 0);
    ASSERT_EQ(run(sweep(axes("fresh")), "fresh").exit_code, 0);
    EXPECT_EQ(query(kNumbers, "fresh"), query(kNumbers, "views"));
    ASSERT_EQ(run(sweep(axes("1")), "one").exit_code, 0);
    EXPECT_NE(query(kNumbers, "one"), query(kNumbers, "views"));
}

TEST_F(AugmentedRun, RowsOfPlainImagesAndOfFewerViewsAreTakenFromTheCache) {
    const auto file = [&](const std::string& augmentation) {
        // So many epochs that keeping features is worth it.
        return sweep("backbone: mobilenet_v2\nepochs: 30\naugment: " + augmentation + "\n");
    };
    const auto computed = [&](const std::string& runs) {
        return query("SELECT kind, sum(computed) FROM stages WHERE kind <> 'train' GROUP BY kind ORDER BY 1", runs);
    };
    const std::string shared = (folder_ / "cache").string();
    ASSERT_EQ(run(file("none"), "plain", {"--cache", shared}).exit_code, 0);
    EXPECT_EQ(computed("plain"), "decode,36\nfeatures,36\n");
    ASSERT_EQ(run(file(augment("2")), "two", {"--cache", shared}).exit_code, 0);
    const std::string trained = query("SELECT train_images FROM sweeps", "two");
    const int images = std::stoi(trained);
    EXPECT_EQ(computed("two"), "decode,0\nfeatures," + std::to_string(2 * images) + "\n");
    ASSERT_EQ(run(file(augment("3")), "three", {"--cache", shared}).exit_code, 0);
    EXPECT_EQ(computed("three"), "decode,0\nfeatures," + std::to_string(images) + "\n");
    ASSERT_EQ(run(file(augment("3")), "alone").exit_code, 0);
    EXPECT_EQ(results("three"), results("alone"));
}

TEST_F(AugmentedRun, RanksMakeTheSameOfIt) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: [all, features.16]\nepochs: 2\noptimizer: {sgd: {momentum: 0.9}}\n"
        "learning_rate: 1e-3\nranks_per_trial: 2\naugment: [" +
        augment("2") + ", " + augment("fresh") + "]\n";
    const std::string file = sweep(axes);
    const std::string losses =
        "SELECT trials.id, epoch, train_loss, validation_loss FROM trials JOIN epochs ON trial = trials.id ORDER BY 1, "
        "2";
    const std::string heads =
        "SELECT trials.id, epoch, epochs.weights FROM trials JOIN epochs ON trial = trials.id WHERE freeze = 'all' "
        "ORDER BY 1, 2";
    for (const int ranks : {1, 2, 4}) {
        const Ended ended = call(world_command(ranks, file, std::to_string(ranks)));
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    }
    for (const char* ranks : {"2", "4"}) {
        EXPECT_EQ(query(heads, ranks), query(heads, "1"));
        std::istringstream one(query(losses, "1")), several(query(losses, ranks));
        std::string expected, found;
        int lines = 0;
        for (; std::getline(one, expected) && std::getline(several, found); ++lines) {
            const auto loss = [](const std::string& line, int column) {
                std::istringstream words(line);
                std::string word;
                for (int i = 0; i <= column; ++i) std::getline(words, word, ',');
                return std::stod(word);
            };
            for (const int column : {2, 3})
                EXPECT_NEAR(loss(found, column), loss(expected, column), 1e-5 * loss(expected, column)) << expected;
        }
        EXPECT_EQ(lines, 8);
    }
}

TEST_F(AugmentedRun, GoesOnAfterKills) {
    const std::string file = sweep(kAxes);
    ASSERT_EQ(run(file, "expected").exit_code, 0);
    std::mt19937 random(3);
    for (int attempt = 0; attempt < 2; ++attempt) {
        Process process(folder_.path(), run_command(file, "killed"));
        wait_for_moment(process, "killed", 24, random);
        process.send(SIGKILL);
        process.wait();
    }
    const Ended last = run(file, "killed");
    ASSERT_EQ(last.exit_code, 0) << last.errors;
    EXPECT_EQ(results("killed"), results("expected"));
}

TEST_F(AugmentedRun, IsExplainedAndDrawn) {
    const std::string file = sweep(kAxes);
    const Ended plan = thaw({"plan", file, "--explain", "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(plan.exit_code, 0) << plan.errors;
    EXPECT_THAT(plan.output,
                AllOf(HasSubstr("are made once at 40 px"), HasSubstr("no two epochs see the same pixels")));
    const std::string sheet = (folder_ / "sheet.png").string();
    const Ended drawn = thaw({"data", "preview", file, "--out", sheet, "--images", "3"});
    EXPECT_EQ(drawn.exit_code, 0) << drawn.errors;
    EXPECT_THAT(drawn.output, AllOf(HasSubstr("views=2"), HasSubstr("fresh"), HasSubstr(sheet)));
    const cv::Mat picture = cv::imread(sheet);
    EXPECT_GT(picture.cols, 1000) << "the image and seven draws";
    EXPECT_GT(picture.rows, 6 * 160) << "three images of two augmentations";
    const Ended none = thaw({"data", "preview", sweep("backbone: mobilenet_v2\n")});
    EXPECT_EQ(none.exit_code, 2);
    EXPECT_THAT(none.errors, HasSubstr("has no `augment:`"));
    EXPECT_EQ(thaw({"data", "preview", file, "--out", "sheet.jpg"}).exit_code, 2);
}

TEST_F(AugmentedRun, LeavesBadImagesOut) {
    std::ofstream(folder_ / "shapes/circle/damaged.png") << "not a picture";
    const std::string axes =
        "backbone: mobilenet_v2\nepochs: 2\naugment: [" + augment("2") + ", " + augment("fresh") + "]\n";
    const std::string file = sweep(axes, ", on_bad_image: skip");
    ASSERT_EQ(run(file, "shared").exit_code, 0);
    ASSERT_EQ(run(file, "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results("separate"), results("shared"));
    EXPECT_EQ(query("SELECT bad_images FROM sweeps", "shared"), "1\n");
}

}  // namespace
}  // namespace thaw
