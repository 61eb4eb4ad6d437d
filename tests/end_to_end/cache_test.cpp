// What sweeps leave for each other: images and features are made once, for all of them, and a result never shows it.
#include <chrono>
#include <random>
#include <thread>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kOneTrial = "backbone: mobilenet_v2\nepochs: 1\n";

class Cache : public EndToEnd {
  protected:
    /// `thaw run` into the folder `runs`, with one cache for all.
    Ended run_shared(const std::string& file, const std::string& runs, const Words& more = {}) {
        Words words = {"--cache", shared().string()};
        words.insert(words.end(), more.begin(), more.end());
        Ended ended = run(file, runs, words);
        EXPECT_EQ(ended.exit_code, 0) << ended.errors;
        return ended;
    }
    fs::path shared() const { return folder_ / "cache"; }
    /// Images decoded, and images forwarded, by the sweep in `runs`.
    std::string computed(const std::string& runs) {
        return query("SELECT kind, sum(computed) FROM stages WHERE kind <> 'train' GROUP BY kind ORDER BY kind", runs);
    }
    void draw_more(int count) {
        draw_shapes(folder_ / "more", 12 + count);
        for (int i = 12; i < 12 + count; ++i) {
            const std::string name = "circle/" + std::to_string(i) + ".png";
            fs::copy_file(folder_ / "more" / name, folder_ / "shapes" / name);
        }
    }
    std::vector<fs::path> arrays() const {
        std::vector<fs::path> paths;
        for (const auto& entry : fs::directory_iterator(shared()))
            if (entry.path().extension() == ".array") paths.push_back(entry.path());
        return paths;
    }
};

TEST_F(Cache, ASecondSweepDecodesAndForwardsNothing) {
    run_shared(sweep(kMixedAxes), "first");
    run_shared(sweep(kMixedAxes), "second");
    EXPECT_EQ(computed("first"), "decode,36\nfeatures,36\n");
    EXPECT_EQ(computed("second"), "decode,0\nfeatures,0\n");
    EXPECT_EQ(query("SELECT sum(reused) FROM stages", "second"), "2\n");
    EXPECT_EQ(results("second"), results("first"));
    EXPECT_FALSE(fs::exists(folder_ / "second/.cache"));
}

TEST_F(Cache, AddedImagesAreAllThatIsComputed) {
    run_shared(sweep(kMixedAxes), "first");
    draw_more(3);
    run_shared(sweep(kMixedAxes), "second");
    EXPECT_EQ(computed("second"), "decode,3\nfeatures,3\n");
    ASSERT_EQ(run(sweep(kMixedAxes), "fresh").exit_code, 0);
    EXPECT_EQ(computed("fresh"), "decode,39\nfeatures,39\n");
    EXPECT_EQ(results("second"), results("fresh"));
    EXPECT_THAT(text_of(folder_ / "second/test/report.html"), HasSubstr("3 of 39 images computed"));
}

TEST_F(Cache, RenamedMovedAndRemovedImagesAndOtherSplitsComputeNothing) {
    run_shared(sweep(kMixedAxes), "first");
    fs::rename(folder_ / "shapes/circle/00.png", folder_ / "shapes/circle/zero.png");
    fs::rename(folder_ / "shapes/square/03.png", folder_ / "shapes/circle/a.png");
    fs::remove(folder_ / "shapes/triangle/05.png");
    const std::string file = sweep(kMixedAxes, ", split: {method: keras-dataset, validation: 0.3}");
    run_shared(file, "second");
    EXPECT_EQ(computed("second"), "decode,0\nfeatures,0\n");
    ASSERT_EQ(run(file, "fresh").exit_code, 0);
    EXPECT_EQ(results("second"), results("fresh"));
}

TEST_F(Cache, ADeeperSweepForwardsWhatItHasNotYet) {
    run_shared(sweep(kOneTrial), "first");
    run_shared(sweep(kMixedAxes), "second");
    EXPECT_EQ(computed("second"), "decode,0\nfeatures,36\n");
    ASSERT_EQ(run(sweep(kMixedAxes), "fresh").exit_code, 0);
    EXPECT_EQ(results("second"), results("fresh"));
}

TEST_F(Cache, FlippedBytesAreNeverUsed) {
    run_shared(sweep(kMixedAxes), "first");
    for (const fs::path& array : arrays()) {
        std::fstream file(array, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(1000);
        const char byte = static_cast<char>(file.get());
        file.seekp(1000);
        file.put(static_cast<char>(byte ^ 1));
    }
    const Ended ended = run_shared(sweep(kMixedAxes), "second");
    EXPECT_THAT(ended.errors, HasSubstr("is damaged; it is made again"));
    EXPECT_EQ(computed("second"), "decode,36\nfeatures,36\n");
    EXPECT_EQ(results("second"), results("first"));
    run_shared(sweep(kMixedAxes), "third");
    EXPECT_EQ(computed("third"), "decode,0\nfeatures,0\n") << "they were mended";
}

TEST_F(Cache, KillsLeaveItUsable) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(run(sweep(kMixedAxes), "expected").exit_code, 0);
    const auto takes = std::chrono::duration<double>(std::chrono::steady_clock::now() - start);
    std::mt19937 random(7);
    for (int attempt = 0; attempt < 6; ++attempt) {
        Process process(folder_.path(), run_command(sweep(kMixedAxes), "runs" + std::to_string(attempt),
                                                    {"--cache", shared().string()}));
        std::this_thread::sleep_for(takes * (0.1 + 0.8 * static_cast<double>(random() % 1000) / 1000));
        process.send(SIGKILL);
        process.wait();
    }
    run_shared(sweep(kMixedAxes), "last");
    EXPECT_EQ(results("last"), results("expected"));
    for (const auto& entry : fs::directory_iterator(shared()))
        EXPECT_FALSE(entry.path().filename().string().ends_with(".tmp")) << entry.path();
    EXPECT_EQ(thaw({"cache", "--cache", shared().string(), "--clear"}).exit_code, 0);
    EXPECT_THAT(arrays(), IsEmpty()) << "nobody uses it any more";
}

TEST_F(Cache, HoldsNoMoreThanItsBudget) {
    const Words budget = {"--disk", "400 kB"};  // 173 kB of images, 184 kB of features
    run_shared(sweep(kOneTrial), "first", budget);
    run_shared(sweep(kOneTrial, ", interpolation: nearest"), "other", budget);
    EXPECT_EQ(arrays().size(), 2u);
    EXPECT_EQ(computed("other"), "decode,36\nfeatures,36\n");
    run_shared(sweep(kOneTrial, ", interpolation: nearest"), "again", budget);
    EXPECT_EQ(computed("again"), "decode,0\nfeatures,0\n");
}

TEST_F(Cache, FeaturesThatTheBudgetDoesNotHoldAreKeptElsewhere) {
    run_shared(sweep(kOneTrial), "roomy");
    ASSERT_EQ(run(sweep(kOneTrial), "tight", {"--disk", "300 kB"}).exit_code, 0);  // 173 kB of images
    EXPECT_EQ(results("tight"), results("roomy"));
    for (const auto& entry : fs::directory_iterator(cache("tight")))
        EXPECT_FALSE(entry.path().filename().string().starts_with("features-")) << entry.path();
}

TEST_F(Cache, ASweepWhoseImagesNeedMoreThanTheBudgetDoesNotStart) {
    const std::string file = sweep(std::string("disk: 100 kB\n") + kOneTrial);
    const Ended ended = run(file);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("172800 bytes"), HasSubstr("100.0 kB"), HasSubstr("--disk")));
    EXPECT_EQ(query("SELECT count(*) FROM stages"), "0\n");
    EXPECT_EQ(run(file, "more", {"--disk", "1 MB"}).exit_code, 0) << "the command line is stronger";
    EXPECT_EQ(run(file, "wrong", {"--disk", "much"}).exit_code, 2);
}

TEST_F(Cache, WithoutSharingNothingIsTakenOrLeft) {
    run_shared(sweep(kMixedAxes), "first");
    const auto before = arrays();
    run_shared(sweep(kMixedAxes), "separate", {"--no-sharing"});
    EXPECT_EQ(results("separate"), results("first"));
    EXPECT_EQ(query("SELECT sum(reused), sum(computed) FROM stages WHERE kind = 'decode'", "separate"), "0,432\n");
    EXPECT_EQ(arrays(), before);
    for (const auto& entry : fs::directory_iterator(folder_ / "separate/test/scratch"))
        EXPECT_THAT(entry.path().filename().string(),
                    testing::AnyOf(testing::StartsWith("dataset-"), "last-run.json"));  // no array
}

TEST_F(Cache, IsListedAndCleared) {
    ASSERT_EQ(run(sweep(kOneTrial)).exit_code, 0);
    const Ended list = thaw({"cache", "--runs", (folder_ / "runs").string()});
    EXPECT_THAT(list.output, AllOf(HasSubstr("images 40"), HasSubstr("features mobilenet_v2 154 avg"),
                                   HasSubstr("172.9 kB"), HasSubstr("2 files")));
    const Ended disk = thaw({"cache", "--disk", "--runs", (folder_ / "runs").string()});
    EXPECT_THAT(disk.output, HasSubstr("may hold"));
    const Ended clear = thaw({"cache", "--clear", "--runs", (folder_ / "runs").string()});
    EXPECT_THAT(clear.output, AllOf(HasSubstr("freed"), HasSubstr("0 files")));
    ASSERT_EQ(run(sweep(std::string(kOneTrial) + "learning_rate: 1e-2\n")).exit_code, 0);
}

}  // namespace
}  // namespace thaw
