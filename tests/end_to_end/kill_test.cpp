// One sweep on a world of ranks, and the same with kill -9 of a random process of its world (mpirun, any rank) at
// random moments: the same command again until it ends well. Tables and weights must be those of the undisturbed run,
// and the epochs that were computed again those that the promise allows. THAW_KILLS says how many kills (default 10).
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>

#include "tests/end_to_end/fixture.hpp"
#include "tests/end_to_end/world.hpp"

namespace thaw {
namespace {

using Clock = std::chrono::steady_clock;

/// Tails that train for seconds, tails that differ in their epochs alone, and heads.
constexpr const char* kSweep =
    "backbone: mobilenet_v2\nfreeze: [all, features.15]\nhead: [none, \"16\"]\nlearning_rate: [1e-3, 1e-2]\n"
    "epochs: [3, 12]\nkeep: best\nwhen:\n  - if: {freeze: features.15}\n    then: {learning_rate: 1e-3}\n";
constexpr int kEpochs = 90;  // of its 12 trials in all; the longest trainings, the tails, come first
constexpr int kTailEpochs = 24;

/// An epoch is computed again where it takes another time to do it: no two are the same to the last digit.
using EpochTimes = std::map<std::string, double>;  // by "trial,epoch", in seconds

class Kills : public EndToEnd {
  protected:
    /// Enough images for trainings to leave snapshots while they run.
    void SetUp() override { draw_shapes(folder_ / "shapes", 40); }
    Words world(const std::string& runs) const { return world_command(ranks_, file_, runs); }

    EpochTimes epoch_times(const std::string& runs, const std::string& where = "") {
        EpochTimes times;
        if (!std::filesystem::exists(folder_ / runs / "test/results.db")) return times;
        const std::string sql =
            "SELECT trial, epoch, quote(epochs.seconds) FROM epochs JOIN trials ON id = trial" + where;
        const Ended ended = thaw({"query", "test", sql, "--csv", "--runs", (folder_ / runs).string()});
        if (ended.exit_code != 0) return times;  // killed before there was a table
        std::istringstream lines(ended.output);
        for (std::string line; std::getline(lines, line);) {
            const auto comma = line.rfind(',');
            if (line.starts_with("trial")) continue;
            std::erase(line, '\r');
            times[line.substr(0, comma)] = std::stod(line.substr(comma + 1));
        }
        return times;
    }

    /// Starts the command and kills one process of it at some moment; false where it ended before.
    bool kill_one(const std::string& runs) {
        Process process(folder_.path(), world(runs));
        const bool in_tails = random_() % 2 == 0;  // heads take no time, so that a moment in them is soon past
        if (!wait_for_moment(process, runs, in_tails ? kTailEpochs : kEpochs, random_)) return false;
        std::vector<int> all = descendants_of(process.id());
        if (!process.running() || all.empty()) return false;
        all.push_back(process.id());
        const int victim = all[random_() % all.size()];
        ++victims_[victim == process.id() ? "mpirun" : "a rank"];
        ::kill(victim, SIGKILL);
        const auto killed = Clock::now();
        process.wait();
        EXPECT_TRUE(all_end(all, std::chrono::seconds(20))) << "processes are left behind";
        longest_end_ = std::max(longest_end_, std::chrono::duration<double>(Clock::now() - killed).count());
        return true;
    }

    /// Of every trial, by file name.
    std::map<std::string, std::string> checkpoints(const std::string& runs) const {
        std::map<std::string, std::string> files;
        for (const auto& entry : std::filesystem::directory_iterator(folder_ / runs / "test/checkpoints"))
            files[entry.path().filename().string()] = text_of(entry.path());
        return files;
    }

    /// What of `before`, as it was when the world died, was computed again.
    void account(const EpochTimes& before, const EpochTimes& after) {
        struct Lost {
            double seconds = 0, longest = 0;
        };
        std::map<std::string, Lost> lost;  // by trial
        for (const auto& [epoch, seconds] : before) {
            const auto found = after.find(epoch);
            if (found != after.end() && found->second == seconds) {
                ++restored_;
                continue;
            }
            Lost& of_trial = lost[epoch.substr(0, epoch.find(','))];
            of_trial.seconds += seconds;
            of_trial.longest = std::max(of_trial.longest, seconds);
            ++computed_again_;
        }
        // Each beyond its latest snapshot: one epoch, however long it takes, or quick ones that a snapshot does not pay
        // for. The epoch under way, which is lost besides, is in nobody's table.
        for (const auto& [trial, of_trial] : lost) {
            EXPECT_LE(of_trial.seconds - of_trial.longest, 0.5) << "of trial " << trial;
            most_lost_ = std::max(most_lost_, of_trial.seconds);
        }
    }

    /// Undisturbed, and killed as often as THAW_KILLS says, or `usual` times.
    void expect_that_kills_change_nothing(int ranks, const std::string& axes, int usual);

    int ranks_ = 1;
    std::string file_;
    std::mt19937 random_{17};
    std::map<std::string, int> victims_;
    int restored_ = 0, computed_again_ = 0;
    double most_lost_ = 0, longest_end_ = 0;
};

void Kills::expect_that_kills_change_nothing(int ranks, const std::string& axes, int usual) {
    const char* wanted = std::getenv("THAW_KILLS");
    const int kills = wanted ? std::atoi(wanted) : usual;
    ranks_ = ranks;
    file_ = sweep(axes);
    const Ended undisturbed = call(world("undisturbed"));
    ASSERT_EQ(undisturbed.exit_code, 0) << undisturbed.errors;
    ASSERT_EQ(epochs_done("undisturbed"), kEpochs);
    ASSERT_EQ(query("SELECT max(ranks) FROM stages WHERE kind = 'train'", "undisturbed"),
              axes.find("ranks_per_trial") == std::string::npos ? "1\n" : std::to_string(ranks) + "\n");
    const std::string expected = results("undisturbed");
    const auto kept = checkpoints("undisturbed");
    ASSERT_EQ(kept.size(), 12u);

    // Many are only enough where one came between a snapshot and the end of its training.
    constexpr int kMany = 8;
    int done = 0;
    for (int round = 0; done < kills || (kills >= kMany && restored_ == 0); ++round) {
        const std::string runs = "killed" + std::to_string(round);
        std::vector<EpochTimes> before;
        for (int i = 0; i < 4; ++i) {
            if (!kill_one(runs)) break;
            before.push_back(epoch_times(runs, " WHERE state <> 'finished'"));
            ++done;
        }
        Ended last{75, "", ""};
        for (int again = 0; again < 3 && last.exit_code != 0; ++again) last = call(world(runs));
        ASSERT_EQ(last.exit_code, 0) << last.errors;
        EXPECT_EQ(results(runs), expected) << "round " << round;
        EXPECT_EQ(checkpoints(runs) == kept, true) << "round " << round;
        const EpochTimes after = epoch_times(runs);
        for (const EpochTimes& at_death : before) account(at_death, after);
        std::filesystem::remove_all(folder_ / runs);
        ASSERT_LT(round, 3 * kills) << done << " kills, and " << restored_ << " epochs restored";
    }
    std::printf(
        "%d kills (mpirun %d, a rank %d); of the epochs of trials in flight at a death %d were "
        "restored, %d computed again, at most %.2f s of one trial; the rest of the world ended within %.1f s\n",
        done, victims_["mpirun"], victims_["a rank"], restored_, computed_again_, most_lost_, longest_end_);
}

TEST_F(Kills, OfAnyProcessAtAnyMomentLoseAtMostAnEpochInFlight) {
    expect_that_kills_change_nothing(2, kSweep, 8);
}

TEST_F(Kills, OfGroupsOfTwoRanksAmongSinglesLoseNoMore) {
    expect_that_kills_change_nothing(2, std::string(kSweep) + "ranks_per_trial: 2\n", 4);
}

TEST_F(Kills, OfGroupsOfFourRanksAmongSinglesLoseNoMore) {
    expect_that_kills_change_nothing(4, std::string(kSweep) + "ranks_per_trial: 4\n", 4);
}

}  // namespace
}  // namespace thaw
