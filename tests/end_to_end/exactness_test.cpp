// Whatever the planner shares, keeps or computes anew, and however many threads there are: every metric and every
// weight stays the same bit for bit.
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <set>

#include "results/query/query.hpp"
#include "tests/end_to_end/drawn_sweep.hpp"
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

/// Together they do all of kCovered, in few trials.
const std::vector<int> kEverydaySweeps = {4, 38, 49, 81};

/// Those, or THAW_EXACTNESS_SWEEPS of them from the number THAW_EXACTNESS_FIRST on.
std::vector<int> sweep_numbers() {
    const auto number_from = [](const char* variable, int usual) {
        const char* text = std::getenv(variable);
        return text ? std::stoi(text) : usual;
    };
    const int sweeps = number_from("THAW_EXACTNESS_SWEEPS", 0);
    if (sweeps == 0) return kEverydaySweeps;
    std::vector<int> numbers(static_cast<std::size_t>(sweeps));
    std::iota(numbers.begin(), numbers.end(), number_from("THAW_EXACTNESS_FIRST", 1));
    return numbers;
}

/// What the plans of all sweeps did, counted in sweeps; so that none of it goes untested unnoticed. Stages have no
/// column for how many trajectories or cuts they are of. But a stage that serves more trials than there are `epochs` in
/// its sweep trains several trajectories, and where all trials have their features from fewer stages than there are
/// cuts, a stage has several.
const std::string kSeveralTrajectories =
    "EXISTS (SELECT 1 FROM stages WHERE kind = 'train' AND trials > (SELECT count(DISTINCT epochs) FROM trials))";
const std::string kNoFeatures = "NOT EXISTS (SELECT 1 FROM stages WHERE kind = 'features')";
const std::string kFeaturesForAll =
    "(SELECT sum(trials) FROM stages WHERE kind = 'features') = (SELECT count(*) FROM trials)";
const std::map<std::string, std::string> kCovered = {
    {"trained fewer times than there are trials",
     "SELECT (SELECT count(*) FROM trials) > (SELECT count(*) FROM stages WHERE kind = 'train')"},
    {"heads fused", "SELECT " + kSeveralTrajectories + " AND " + kFeaturesForAll},
    {"features on disk", "SELECT EXISTS (SELECT 1 FROM stages WHERE kind = 'features' AND predicted_bytes > 0)"},
    {"features in memory", "SELECT EXISTS (SELECT 1 FROM stages WHERE kind = 'features' AND predicted_bytes = 0)"},
    {"features computed anew", "SELECT EXISTS (SELECT 1 FROM trials WHERE cut > 1) AND " + kNoFeatures},
    {"trained side by side", "SELECT " + kSeveralTrajectories + " AND " + kNoFeatures},
    {"several cuts of one pass",
     "SELECT (SELECT count(*) FROM stages WHERE kind = 'features')"
     " < (SELECT count(DISTINCT backbone || cut) FROM trials) AND " +
         kFeaturesForAll},
    {"tails", "SELECT EXISTS (SELECT 1 FROM trials WHERE freeze NOT IN ('all', 'none'))"},
    {"nothing frozen", "SELECT EXISTS (SELECT 1 FROM trials WHERE freeze = 'none')"},
    {"trials drawn", "SELECT yaml LIKE '%random: {%' FROM sweeps"},
    {"phases", "SELECT EXISTS (SELECT 1 FROM trials WHERE phases <> 'none')"},
    {"trials stopped", "SELECT EXISTS (SELECT 1 FROM trials WHERE state = 'stopped')"},
};

class Exactness : public EndToEnd {
  protected:
    void SetUp() override {
        EndToEnd::SetUp();
        // The plan depends on the sweep alone, not on what was measured on this machine before.
        ::setenv("THAW_SPEEDS", speeds().c_str(), 1);
    }
    fs::path speeds() const { return folder_ / "speeds.json"; }
    fs::path database(const std::string& runs) const { return folder_ / runs / "test/results.db"; }

    std::string write(const std::string& yaml) const {
        const fs::path file = folder_ / "sweep.yaml";
        std::ofstream(file) << yaml;
        return file.string();
    }
    /// A trial may diverge: that too is a result.
    void run_into(const std::string& runs, const std::string& file, const Words& more) {
        Words words = {"run", file, "--quiet", "--runs", (folder_ / runs).string()};
        words.insert(words.end(), more.begin(), more.end());
        const Ended ended = thaw(words);
        ASSERT_THAT(ended.exit_code, AnyOf(0, 1)) << ended.errors;
    }
    /// As query() does, without starting a program.
    std::string rows(const std::string& runs, const std::string& sql) const {
        return run_query(database(runs), {.query = sql, .format = TableFormat::csv});
    }
    std::int64_t count(const std::string& runs, const std::string& sql) const {
        return open_results(database(runs)).number(sql);
    }
};

/// The second of the sharing runs shares its cache with those of all sweeps before.
TEST_F(Exactness, DrawnSweepsGiveTheSameBitsWithAndWithoutSharingOnOneThreadAndOnTwo) {
    const std::vector<int> numbers = sweep_numbers();
    std::map<std::string, std::int64_t> covered;
    std::int64_t trials = 0, finished = 0, epochs = 0, separate = 0, shared = 0;
    for (const int number : numbers) {
        const DrawnSweep sweep = SweepDrawer(static_cast<std::uint64_t>(number)).draw();
        SCOPED_TRACE("sweep " + std::to_string(number) + "\n" + sweep.yaml);
        const std::string file = write(sweep.yaml);
        sweep.speeds.write(speeds());
        ASSERT_NO_FATAL_FAILURE(run_into("shared", file, {"--threads", "1"}));
        ASSERT_NO_FATAL_FAILURE(run_into("threads", file, {"--threads", "2", "--cache", (folder_ / "cache").string()}));
        ASSERT_NO_FATAL_FAILURE(run_into("separate", file, {"--threads", "1", "--no-sharing"}));
        const std::string expected = rows("separate", kAllResults);
        EXPECT_EQ(rows("shared", kAllResults), expected) << "shared, on one thread";
        EXPECT_EQ(rows("threads", kAllResults), expected) << "shared, on two threads";
        trials += count("separate", "SELECT count(*) FROM trials");
        finished += count("separate", "SELECT count(*) FROM trials WHERE state IN ('finished', 'stopped')");
        epochs += count("separate", "SELECT count(*) FROM epochs WHERE weights <> ''");
        separate += count("separate", "SELECT count(*) FROM stages");
        shared += count("shared", "SELECT count(*) FROM stages");
        for (const auto& [what, sql] : kCovered) covered[what] += count("shared", sql);
        covered["features of earlier sweeps"] +=
            count("threads", "SELECT EXISTS (SELECT 1 FROM stages WHERE kind = 'features' AND reused)");
        for (const char* runs : {"shared", "threads", "separate"}) fs::remove_all(folder_ / runs);
    }
    std::cout << numbers.size() << " sweeps, " << finished << " of " << trials << " trials finished or stopped, "
              << epochs << " epochs; " << separate << " stages without sharing, " << shared << " with it\n";
    for (const auto& [what, times] : covered) std::cout << "  " << times << " with " << what << "\n";
    EXPECT_GT(finished, 0.9 * static_cast<double>(trials));
    EXPECT_GE(epochs, finished);
    EXPECT_LT(shared, separate);
    constexpr std::size_t kEnoughForAll = 100;
    if (numbers != kEverydaySweeps && numbers.size() < kEnoughForAll) return;  // who looks into a few knows which
    for (const auto& [what, times] : covered) EXPECT_GT(times, 0) << what;
}

TEST_F(Exactness, ATrialAloneEqualsItselfAmongAThousand) {
    const std::vector<std::pair<std::string, Words>> axes = {
        {"head", {"\"4\"", "\"8\"", "16-8", "8-8-4", "{pooling: max, dense: [8]}"}},
        {"dropout", {"0.2", "0.5"}},
        {"optimizer", {"adam", "sgd", "{sgd: {momentum: 0.9}}", "{sgd: {momentum: 0.9, nesterov: true}}", "rmsprop"}},
        {"learning_rate", {"1e-4", "2e-4", "3e-4", "5e-4", "7e-4", "1e-3", "2e-3", "3e-3", "5e-3", "7e-3"}},
        {"batch_size", {"7", "16"}},
    };
    const auto yaml = [&](const auto& values_of) {
        std::string text =
            "name: test\ndata: {folder: shapes}\nweights: random\nimage_size: 40\nbackbone: mobilenet_v2\n";
        for (const auto& [name, values] : axes) text += name + ": [" + values_of(values) + "]\n";
        return write(text + "epochs: 1\n");
    };
    const auto all = [](const Words& values) {
        std::string text;
        for (const std::string& value : values) text += value + ", ";
        return text;
    };
    ASSERT_NO_FATAL_FAILURE(run_into("thousand", yaml(all), {"--threads", "2"}));
    ASSERT_EQ(count("thousand", "SELECT count(*) FROM trials WHERE state = 'finished'"), 1000);
    EXPECT_LT(count("thousand", "SELECT count(*) FROM stages"), 100);
    std::mt19937_64 random(7);
    const auto one = [&](const Words& values) { return values[random() % values.size()]; };
    std::set<std::string> seen;
    for (int i = 0; i < 5; ++i) {
        const std::string runs = "alone" + std::to_string(i);
        ASSERT_NO_FATAL_FAILURE(run_into(runs, yaml(one), {"--threads", "1"}));
        const std::string alone = rows(runs, kAllResults);
        ASSERT_THAT(alone, HasSubstr(",finished,1,"));
        const std::string row = alone.substr(alone.find('\n') + 1);
        EXPECT_THAT(rows("thousand", kAllResults), HasSubstr(row)) << text_of(folder_ / "sweep.yaml");
        seen.insert(row);
    }
    EXPECT_GT(seen.size(), 3u);
}

}  // namespace
}  // namespace thaw
