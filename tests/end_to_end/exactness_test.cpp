// Whatever the planner shares, keeps or computes anew, and however many threads there are: every metric and every
// weight stays the same bit for bit.
#include <cstdlib>
#include <iostream>
#include <set>

#include "results/query/query.hpp"
#include "tests/end_to_end/drawn_sweep.hpp"
#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

int number_from(const char* variable, int usual) {
    const char* text = std::getenv(variable);
    return text ? std::stoi(text) : usual;
}

/// What the plans of all sweeps did, counted in sweeps; so that none of it goes untested unnoticed.
const std::map<std::string, std::string> kCovered = {
    {"trained fewer times than there are trials",
     "SELECT (SELECT count(*) FROM trials) > (SELECT count(*) FROM stages WHERE kind = 'train')"},
    {"heads fused", "SELECT EXISTS (SELECT 1 FROM stages WHERE description LIKE '% heads')"},
    {"features on disk", "SELECT EXISTS (SELECT 1 FROM stages WHERE kind = 'features' AND predicted_bytes > 0)"},
    {"features in memory", "SELECT EXISTS (SELECT 1 FROM stages WHERE kind = 'features' AND predicted_bytes = 0)"},
    {"features computed anew",
     "SELECT EXISTS (SELECT 1 FROM trials WHERE cut > 1) AND NOT EXISTS (SELECT 1 FROM stages WHERE kind = "
     "'features')"},
    {"trained side by side", "SELECT EXISTS (SELECT 1 FROM stages WHERE description LIKE '% side by side')"},
    {"several cuts of one pass", "SELECT EXISTS (SELECT 1 FROM stages WHERE description LIKE '% cuts')"},
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

/// THAW_EXACTNESS_SWEEPS says how many sweeps, THAW_EXACTNESS_FIRST the number of the first. The second of the sharing
/// runs shares its cache with those of all sweeps before.
TEST_F(Exactness, DrawnSweepsGiveTheSameBitsWithAndWithoutSharingOnOneThreadAndOnTwo) {
    const int first = number_from("THAW_EXACTNESS_FIRST", 1), sweeps = number_from("THAW_EXACTNESS_SWEEPS", 4);
    std::map<std::string, std::int64_t> covered;
    std::int64_t trials = 0, finished = 0, epochs = 0, separate = 0, shared = 0;
    for (int index = first; index < first + sweeps; ++index) {
        const DrawnSweep sweep = SweepDrawer(static_cast<std::uint64_t>(index)).draw();
        SCOPED_TRACE("sweep " + std::to_string(index) + "\n" + sweep.yaml);
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
    std::cout << sweeps << " sweeps, " << finished << " of " << trials << " trials finished or stopped, " << epochs
              << " epochs; " << separate << " stages without sharing, " << shared << " with it\n";
    for (const auto& [what, times] : covered) std::cout << "  " << times << " with " << what << "\n";
    EXPECT_GT(finished, 0);
    EXPECT_GE(epochs, finished);
    EXPECT_LT(shared, separate);
    constexpr int kEnoughForAll = 100;
    if (sweeps < kEnoughForAll) return;
    EXPECT_GT(finished, 0.9 * static_cast<double>(trials));
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
