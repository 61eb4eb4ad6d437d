// What thaw says, and how it exits, when something about its input is wrong; and its smaller subcommands.
#include <chrono>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Input : public EndToEnd {
  protected:
    void expect_refused(const Ended& ended, const testing::Matcher<const std::string&>& message) {
        EXPECT_EQ(ended.exit_code, 2) << ended.errors;
        EXPECT_THAT(ended.errors, message);
        EXPECT_THAT(ended.output, IsEmpty());
    }
    void truncate(const std::string& image, double keep = 0.5) {
        const std::filesystem::path path = folder_ / "shapes" / image;
        std::filesystem::resize_file(
            path, static_cast<std::uintmax_t>(static_cast<double>(std::filesystem::file_size(path)) * keep));
    }
    /// A picture as JPEG, cut short.
    void add_truncated_jpeg() {
        const std::filesystem::path path = folder_ / "shapes" / "circle" / "broken.jpg";
        cv::imwrite(path.string(), cv::imread((folder_ / "shapes" / "circle" / "00.png").string()));
        truncate("circle/broken.jpg");
    }
};

TEST_F(Input, UnknownFlagsAreRefused) {
    expect_refused(thaw({"run", sweep("backbone: alexnet\n"), "--sharing"}), HasSubstr("--sharing"));
    EXPECT_EQ(thaw({}).exit_code, 2);
    EXPECT_EQ(thaw({"--version"}).exit_code, 0);
}

TEST_F(Input, AGpuThatIsNotThereIsRefused) {
    if (std::filesystem::exists("/dev/nvidia0")) GTEST_SKIP() << "there is a GPU here";
    expect_refused(thaw({"run", sweep("backbone: alexnet\n"), "--device", "cuda"}), HasSubstr("--device cpu"));
    expect_refused(thaw({"run", sweep("backbone: alexnet\n"), "--device", "tpu"}), HasSubstr("--device"));
}

TEST_F(Input, AMissingSweepFileIsNamed) {
    expect_refused(run((folder_ / "nowhere.yaml").string()), HasSubstr("nowhere.yaml"));
}

TEST_F(Input, AMistakeInTheSweepFileIsShownWithItsLine) {
    expect_refused(run(sweep("backbone: mobilnet_v2\n")), AllOf(HasSubstr("sweep.yaml:6"), HasSubstr("mobilenet_v2")));
}

TEST_F(Input, AMissingDataFolderIsNamed) {
    const std::string file = sweep("backbone: mobilenet_v2\n");
    std::filesystem::rename(folder_ / "shapes", folder_ / "elsewhere");
    expect_refused(run(file), HasSubstr("shapes"));
}

TEST_F(Input, AnEmptyClassFolderIsNamed) {
    std::filesystem::create_directory(folder_ / "shapes" / "hexagon");
    expect_refused(run(sweep("backbone: mobilenet_v2\n")), HasSubstr("hexagon"));
}

TEST_F(Input, AResultsFolderThatCannotBeMadeIsNamed) {
    std::ofstream(folder_ / "runs") << "a file";
    expect_refused(run(sweep("backbone: mobilenet_v2\n")), AllOf(HasSubstr("runs"), HasSubstr("--runs")));
}

TEST_F(Input, ATruncatedImageStopsTheSweepBeforeAnythingIsTrained) {
    add_truncated_jpeg();
    const std::string file = sweep("backbone: mobilenet_v2\nepochs: 1\n");
    const auto start = std::chrono::steady_clock::now();
    for (int time = 0; time < 2; ++time)  // the second time from the cache
        expect_refused(run(file), AllOf(HasSubstr("circle/broken.jpg"), HasSubstr("on_bad_image: skip")));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << "waited for workers that had left";
    EXPECT_EQ(query("SELECT count(*) FROM epochs"), "0\n");
    EXPECT_EQ(query("SELECT outcome FROM sweeps"), "wrong input\nwrong input\n");
    const auto names_the_image =
        AllOf(HasSubstr("wrong input"), HasSubstr("circle/broken.jpg"), Not(HasSubstr("interrupted")));
    const std::string runs = (folder_ / "runs").string();
    EXPECT_THAT(thaw({"status", "test", "--runs", runs}).output, names_the_image);
    ASSERT_EQ(thaw({"report", "test", "--runs", runs}).exit_code, 0);
    EXPECT_THAT(text_of(folder_ / "runs" / "test" / "report.md"), names_the_image);
}

TEST_F(Input, ATruncatedImageIsLeftOutAndCountedWhereItIsToBeSkipped) {
    const std::string file = sweep("backbone: mobilenet_v2\nepochs: 1\n", ", on_bad_image: skip");
    add_truncated_jpeg();
    const Ended ended = run(file);
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr("1 image"));
    EXPECT_EQ(query("SELECT bad_images FROM sweeps"), "1\n");
    EXPECT_EQ(query("SELECT count(*) FROM leaderboard"), "1\n");
}

TEST_F(Input, AWeightFileThatWantsToRunCodeIsRefusedByName) {
    const std::string hostile = THAW_SOURCE_DIR "/tests/worker/weights/fixtures/hostile/os_system.pth";
    const std::filesystem::path file = folder_ / "hostile.yaml";
    std::ofstream(file) << "name: test\ndata: {folder: shapes}\nbackbone: mobilenet_v2\nimage_size: 40\n"
                        << "weights: {file: " << hostile << ", preprocessing: torch, padding: symmetric}\n";
    expect_refused(run(file.string()), AllOf(HasSubstr("os_system.pth"), HasSubstr("system")));
}

TEST_F(Input, MissingWeightsAreNamedBeforeAnyWork) {
    const std::filesystem::path file = folder_ / "missing.yaml";
    std::ofstream(file)
        << "name: test\ndata: {folder: shapes}\nbackbone: resnet50\nimage_size: 40\nweights: ./no.pth\n";
    expect_refused(run(file.string()), AllOf(HasSubstr("missing.yaml:5:10: "), HasSubstr("no.pth is not there")));
    std::ofstream(file) << "name: test\ndata: {folder: shapes}\nbackbone: [resnet50]\nimage_size: 40\n";
    expect_refused(thaw({"run", file.string(), "--weights-dir", folder_.path().string()}),
                   AllOf(HasSubstr("missing.yaml:3:12: "), HasSubstr(folder_.path().string())));
}

TEST_F(Input, AnUnknownRunIsExplained) {
    expect_refused(thaw({"query", "nothing", "--runs", folder_.path().string()}), HasSubstr("nothing"));
    expect_refused(thaw({"report", "nothing", "--runs", folder_.path().string()}), HasSubstr("nothing"));
}

TEST_F(Input, BackbonesAreListedAndSummarised) {
    const Ended list = thaw({"backbones"});
    EXPECT_EQ(list.exit_code, 0);
    EXPECT_THAT(list.output, AllOf(HasSubstr("mobilenet_v2"), HasSubstr("resnet50"), HasSubstr("alexnet")));
    const Ended one = thaw({"backbones", "mobilenet_v2", "--freeze", "features.14"});
    EXPECT_THAT(one.output, HasSubstr("features.14.conv"));
    expect_refused(thaw({"backbones", "mobilnet_v2"}), HasSubstr("did you mean"));
    expect_refused(thaw({"backbones", "alexnet", "--image-size", "8"}), HasSubstr("alexnet"));
}

TEST_F(Input, APlanTellsWhatWouldBeSharedAndRunsNothing) {
    const Ended ended = thaw({"plan", sweep(kMixedAxes), "--runs", (folder_ / "runs").string()});
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_THAT(ended.output, AllOf(HasSubstr("12 trials on 36 images of 3 classes"), HasSubstr("share_prefix"),
                                    HasSubstr("6 trainings saved")));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "runs/test/results.db"));
}

TEST_F(Input, ASweepThatTakesLongIsPlannedByMeasuringTheMachineOnce) {
    const std::string speeds = folder_ / "speeds.json";
    ::setenv("THAW_SPEEDS", speeds.c_str(), 1);
    const std::string brief = sweep("backbone: mobilenet_v2\nepochs: 1\n");
    EXPECT_THAT(thaw({"plan", brief, "--explain"}).output, HasSubstr("not measured on this machine"));
    EXPECT_FALSE(std::filesystem::exists(speeds)) << "not worth it";
    const std::string lengthy =
        sweep("backbone: mobilenet_v2\nfreeze: [all, features.16]\nhead: [none, \"32\"]\nepochs: 9999\n");
    const Ended first = thaw({"plan", lengthy, "--explain"}), second = thaw({"plan", lengthy, "--explain"});
    ::unsetenv("THAW_SPEEDS");
    EXPECT_THAT(first.errors, HasSubstr("measuring this machine"));
    EXPECT_THAT(first.output, HasSubstr("from speeds measured on this machine"));
    EXPECT_THAT(second.errors, Not(HasSubstr("measuring")));
    EXPECT_EQ(second.output, first.output);
    const std::string measured = text_of(speeds);
    for (const char* kind : {"decode ", "forward ", "tail ", "head ", "disk"}) EXPECT_THAT(measured, HasSubstr(kind));
    EXPECT_THAT(measured, Not(HasSubstr("\"seconds\": 0.0,")));
}

TEST_F(Input, ARunCanBeQueriedAndReported) {
    ASSERT_EQ(run(sweep("backbone: mobilenet_v2\nlearning_rate: [1e-3, 1e-2]\nepochs: 2\n")).exit_code, 0);
    const std::string runs = (folder_ / "runs").string();
    EXPECT_THAT(thaw({"query", "test", "--runs", runs}).output, AllOf(HasSubstr("0.001"), HasSubstr("0.01")));
    EXPECT_THAT(thaw({"query", "test", "axis_effects", "--csv", "--runs", runs}).output, HasSubstr("learning_rate"));
    EXPECT_THAT(thaw({"query", "test", "--json", "--runs", runs}).output, HasSubstr("\"backbone\""));
    expect_refused(thaw({"query", "test", "DELETE FROM trials", "--runs", runs}), Not(IsEmpty()));
    std::filesystem::remove(folder_ / "runs/test/report.html");
    EXPECT_EQ(thaw({"report", "test", "--runs", runs}).exit_code, 0);
    EXPECT_THAT(text_of(folder_ / "runs/test/report.html"), AllOf(HasSubstr("<html"), HasSubstr("mobilenet_v2")));
    EXPECT_THAT(text_of(folder_ / "runs/test/report.md"), HasSubstr("random"));
}

}  // namespace
}  // namespace thaw
