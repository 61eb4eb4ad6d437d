// Cross-validation from the sweep file to the results: every image validates once, and sharing changes nothing.
#include <map>

#include "results/store/database.hpp"
#include "results/store/predictions.hpp"
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Folds : public EndToEnd {
  protected:
    /// What each trial's validation images were taken for, by fold.
    std::map<std::int64_t, std::vector<int>> predictions() {
        const Database database = open_results(folder_ / "runs/test/results.db");
        Statement rows = database.prepare(
            "SELECT json_extract(spec, '$.fold'), classes FROM predictions JOIN trials ON id = trial WHERE part = "
            "'validation'");
        std::map<std::int64_t, std::vector<int>> found;
        while (rows.step()) found[rows.integer(0)] = unpacked_classes(rows.text(1));
        return found;
    }
    std::int64_t number(const std::string& sql) { return open_results(folder_ / "runs/test/results.db").number(sql); }
};

TEST_F(Folds, GiveTheSameBitsWithAndWithoutSharingAndShareDecodesAndFeatures) {
    const std::string file =
        sweep("backbone: mobilenet_v2\nfreeze: [all, features.16]\nepochs: [1, 2]\n", ", split: {folds: 3}");
    ASSERT_EQ(run(file).exit_code, 0);
    ASSERT_EQ(run(file, "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results(), results("separate"));
    EXPECT_EQ(number("SELECT count(*) FROM trials WHERE state = 'finished'"), 2 * 2 * 3);
    EXPECT_EQ(number("SELECT count(*) FROM stages WHERE kind = 'decode'"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM stages WHERE kind = 'features'"), 1);
    EXPECT_EQ(query("SELECT count(*), min(seeds), max(seeds) FROM configurations"), "4,3,3\n")
        << "folds are averaged as seeds are";
}

TEST_F(Folds, TogetherValidateEveryImageOnce) {
    ASSERT_EQ(
        run(sweep("backbone: mobilenet_v2\nepochs: 1\n", ", split: {method: keras-generator, folds: 4}")).exit_code, 0);
    const auto by_fold = predictions();
    ASSERT_EQ(by_fold.size(), 4u);
    const auto images = static_cast<std::size_t>(number("SELECT count(*) FROM images WHERE part = 'validation'"));
    EXPECT_EQ(images, 36u);
    for (std::size_t i = 0; i < images; ++i) {
        int validated = 0;
        for (const auto& [fold, classes] : by_fold) validated += classes.at(i) >= 0;
        EXPECT_EQ(validated, 1) << "image " << i;
    }
    // What the database tells of an epoch is what its predictions say.
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE abs(final_validation_accuracy * 9 - "
                    "round(final_validation_accuracy * 9)) > 1e-9"),
              "0\n");
}

TEST_F(Folds, AreTheSameOnTwoRanks) {
    const std::string file =
        sweep("backbone: mobilenet_v2\nfreeze: all\nhead: \"16\"\nepochs: 2\nfold: [1, 3]\n", ", split: {folds: 3}");
    ASSERT_EQ(run(file).exit_code, 0);
    ASSERT_EQ(call(world_command(2, file, "world")).exit_code, 0);
    EXPECT_EQ(results(), results("world"));
    EXPECT_EQ(number("SELECT count(*) FROM trials"), 2);
}

TEST_F(Folds, AreRefusedBesideAValidationFolder) {
    draw_shapes(folder_ / "parted/train", 4);
    draw_shapes(folder_ / "parted/val", 2);
    const std::filesystem::path file = folder_ / "sweep.yaml";
    std::ofstream(file) << "name: test\ndata: {folder: parted, split: {folds: 2}}\nweights: random\nimage_size: 40\n"
                        << "backbone: mobilenet_v2\n";
    const Ended ended = run(file.string());
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("validation folder"), HasSubstr("folds: 2")));
}

TEST_F(Folds, OfARandomSearchAreTrainedAllForEveryDraw) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nepochs: 1\nsearch: {random: {trials: 3}}\n"
                        "learning_rate: {log_uniform: [1e-4, 1e-2]}\n",
                        ", split: {folds: 2}"))
                  .exit_code,
              0);
    EXPECT_EQ(query("SELECT count(*), min(seeds), max(seeds) FROM configurations"), "3,2,2\n");
}

/// A folder of test images without classes, as competitions have it.
TEST_F(Folds, LeaveAnUnlabelledTestFolderAsideWhichIsPredictedIntoATable) {
    draw_shapes(folder_ / "parted/train", 6);
    draw_shapes(folder_ / "drawn", 2);
    std::filesystem::create_directories(folder_ / "parted/test/test");
    int number = 0;
    for (const char* name : {"circle", "square", "triangle"})
        std::filesystem::copy(folder_ / "drawn" / name / "00.png",
                              folder_ / ("parted/test/test/" + std::to_string(++number) + ".png"));
    const std::filesystem::path file = folder_ / "sweep.yaml";
    std::ofstream(file) << "name: test\ndata: {folder: parted, split: {folds: 2}, resize: pad, grey: true}\n"
                        << "weights: random\nimage_size: 40\nbackbone: mobilenet_v2\nepochs: 1\n";
    const std::string runs = (folder_ / "runs").string();
    const Ended ended = thaw({"run", file.string(), "--threads", "2", "--runs", runs});
    ASSERT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, HasSubstr("thaw predict test --runs " + runs + " --test --csv"));
    EXPECT_THAT(query("SELECT value FROM environment WHERE name = 'images'"), HasSubstr("pad, bilinear, grey"));

    const Ended csv = thaw({"predict", "test", "--test", "--csv", "--runs", runs});
    ASSERT_EQ(csv.exit_code, 0) << csv.errors;
    EXPECT_THAT(csv.output, AllOf(testing::StartsWith("file,class,probability,p(circle),p(square),p(triangle)"),
                                  HasSubstr("\ntest/test/1.png,"), HasSubstr("\ntest/test/3.png,")));
    EXPECT_EQ(std::count(csv.output.begin(), csv.output.end(), '\n'), 4);
    // The weights that are kept decode as the training did: what the winner took them for is told again.
    const Database database = open_results(folder_ / "runs/test/results.db");
    Statement row = database.prepare("SELECT classes FROM predictions WHERE part = 'test'");
    ASSERT_TRUE(row.step());
    const std::vector<std::string> classes = {"circle", "square", "triangle"};
    const std::vector<int> recorded = unpacked_classes(row.text(0));
    ASSERT_EQ(recorded.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_THAT(csv.output, HasSubstr("test/test/" + std::to_string(i + 1) + ".png," +
                                          classes.at(static_cast<std::size_t>(recorded[i])) + ","));
    EXPECT_THAT(thaw({"predict", "test", "--test", "x.png", "--runs", runs}).errors, HasSubstr("no photos beside it"));
}

TEST_F(Folds, PredictSaysWhereThereAreNoTestImages) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nepochs: 1\n")).exit_code, 0);
    const Ended ended = thaw({"predict", "test", "--test", "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, HasSubstr("no test images"));
}

}  // namespace
}  // namespace thaw
