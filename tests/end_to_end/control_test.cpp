// Schedules and early stopping in sweeps: where trainings end and what their results are, whatever is shared, on
// however many ranks, and after however many kills.
#include <cmath>
#include <map>
#include <random>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;

/// What a trial comes to: its result, and what it took the validation images for.
constexpr const char* kOutcomes =
    "SELECT id, state, last_epoch, result_epoch, quote(final_validation_loss), quote(final_validation_accuracy),"
    " quote(final_train_loss), (SELECT hex(classes) FROM predictions WHERE trial = id AND part = 'validation')"
    " FROM trials ORDER BY id";

/// Heads, tails and trials that differ only in epochs, with all that controls a training.
const std::string kControlled =
    "backbone: mobilenet_v2\nfreeze: [all, features.16]\nhead: [none, \"16\"]\nlearning_rate: 3e-3\nepochs: [2, 9]\n"
    "optimizer: {adamw: {style: pytorch, clipnorm: 1}}\nkeep: last\nranks_per_trial: 1\n"
    "schedule: [{cosine: {floor: 1e-6, warm_up: 1}}, {reduce_on_plateau: {monitor: train_loss, patience: 1}}]\n"
    "early_stopping: {monitor: validation_loss, patience: 2, min_delta: 0.02, restore_best: true}\n"
    "when:\n  - if: {freeze: features.16}\n    then: {head: none}\n";

class Control : public EndToEnd {
  protected:
    std::vector<double> numbers(const std::string& sql, const std::string& runs) {
        std::istringstream lines(query(sql, runs));
        std::vector<double> values;
        for (std::string line; std::getline(lines, line);) values.push_back(std::stod(line));
        return values;
    }
    /// Fingerprints of the weights kept of each trial, by the epoch that the results name; and that epoch's.
    void expect_restored_weights(const std::string& runs) {
        const std::string named = query(
            "SELECT trial || ' ' || epochs.weights FROM epochs JOIN trials ON id = trial AND epoch = "
            "coalesce(result_epoch, last_epoch) ORDER BY 1",
            runs);
        std::istringstream lines(named);
        int files = 0;
        for (std::string line; std::getline(lines, line); ++files) {
            const auto space = line.find(' ');
            const std::string file =
                text_of(folder_ / runs / "test/checkpoints" / (line.substr(0, space) + ".safetensors"));
            EXPECT_NE(file.find(line.substr(space + 1)), std::string::npos) << line;
        }
        EXPECT_GT(files, 0);
    }
};

/// Keras' rule, in other words: the first epoch that lies `patience` behind the latest improvement of more than 0.05.
int ends_after(const std::vector<double>& losses, int patience, int epochs) {
    double best = losses[0];
    int improved = 1;
    for (int epoch = 2; epoch <= epochs; ++epoch) {
        const double loss = losses[static_cast<std::size_t>(epoch - 1)];
        if (loss < best - 0.05) {
            best = loss;
            improved = epoch;
        } else if (epoch - improved >= patience) {
            return epoch;
        }
    }
    return epochs;
}

TEST_F(Control, TrainingsEndWhereTheRuleSaysAndAreTheSameUpToThere) {
    const std::string axes = "backbone: mobilenet_v2\nhead: [none, \"16\"]\nlearning_rate: [1e-3, 1e-2]\nepochs: ";
    ASSERT_EQ(run(sweep(axes + "20\n"), "full").exit_code, 0);
    ASSERT_EQ(run(sweep(axes + "[3, 20]\nearly_stopping: {patience: 3, min_delta: 0.05}\n")).exit_code, 0);
    EXPECT_EQ(query("SELECT state, count(*) FROM trials GROUP BY 1"), "finished,8\n");
    int stopped = 0;
    for (const std::string head : {"none", "16"})
        for (const std::string rate : {"0.001", "0.01"}) {
            const std::string where = " FROM epochs JOIN trials ON id = trial WHERE head = '" + head +
                                      "' AND trials.learning_rate = " + rate + " AND trials.epochs = ";
            const std::string loss = "SELECT validation_loss" + where;
            const auto full = numbers(loss + "20 ORDER BY epoch", "full");
            ASSERT_EQ(full.size(), 20u);
            const int end = ends_after(full, 3, 20);
            stopped += end < 20;
            const std::string all = "SELECT epoch, quote(train_loss), quote(validation_loss), epochs.weights" + where;
            EXPECT_EQ(query(all + "20 ORDER BY epoch"),
                      query(all + "20 AND epoch <= " + std::to_string(end) + " ORDER BY epoch", "full"));
            EXPECT_EQ(numbers(loss + "3 ORDER BY epoch", "runs").size(), 3u);
        }
    EXPECT_GT(stopped, 0);
}

TEST_F(Control, TheBestEpochIsTheResultWhereItIsRestored) {
    ASSERT_EQ(run(sweep(kControlled)).exit_code, 0);
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE state = 'finished'"), "12\n");
    EXPECT_EQ(query("SELECT count(*) FROM trials WHERE final_validation_loss <> (SELECT validation_loss FROM epochs"
                    " WHERE trial = id AND epoch = coalesce(result_epoch, last_epoch))"),
              "0\n");
    EXPECT_NE(query("SELECT count(*) FROM trials WHERE result_epoch < last_epoch"), "0\n");
    EXPECT_NE(query("SELECT count(*) FROM trials WHERE last_epoch < epochs"), "0\n");
    expect_restored_weights("runs");
    // The accuracy that the results show is that of the predictions that they show.
    EXPECT_EQ(query("SELECT count(*) FROM predictions"), "12\n");
}

TEST_F(Control, SharingChangesNothing) {
    const std::string file = sweep(kControlled);
    ASSERT_EQ(run(file, "shared").exit_code, 0);
    ASSERT_EQ(run(file, "separate", {"--no-sharing"}).exit_code, 0);
    EXPECT_EQ(results("separate"), results("shared"));
    EXPECT_EQ(query(kOutcomes, "separate"), query(kOutcomes, "shared"));
    expect_restored_weights("separate");
}

TEST_F(Control, NeitherRanksNorKillsChangeATable) {
    const std::string file = sweep(kControlled);
    ASSERT_EQ(call(world_command(1, file, "one")).exit_code, 0);
    const std::string expected = results("one"), outcomes = query(kOutcomes, "one");
    ASSERT_EQ(call(world_command(2, file, "two")).exit_code, 0);
    EXPECT_EQ(results("two"), expected);
    EXPECT_EQ(query(kOutcomes, "two"), outcomes);
    std::mt19937 random{5};
    for (int kill = 0; kill < 3; ++kill) {
        Process process(folder_.path(), world_command(1, file, "killed"));
        if (!wait_for_moment(process, "killed", epochs_done("one"), random)) break;
        process.send_to_group(SIGKILL);
        process.wait();
    }
    ASSERT_EQ(call(world_command(1, file, "killed")).exit_code, 0);
    EXPECT_EQ(results("killed"), expected);
    EXPECT_EQ(query(kOutcomes, "killed"), outcomes);
    expect_restored_weights("killed");
}

/// Rates are functions of the history, which all ranks of a group need, also where they go on from a snapshot.
TEST_F(Control, AGroupOfRanksEndsAndGoesOnAsOneRankDoes) {
    const std::string axes =
        "backbone: mobilenet_v2\nfreeze: features.16\noptimizer: {sgd: {momentum: 0.9, style: pytorch}}\n"
        "learning_rate: 1e-3\nranks_per_trial: 2\nschedule: {reduce_on_plateau: {patience: 1, min_delta: 0.1}}\n"
        "early_stopping: {patience: 4, min_delta: 0.1, restore_best: true}\nepochs: ";
    const std::string shown = "SELECT max(epoch) FROM epochs JOIN trials ON id = trial WHERE trials.epochs = 12";
    for (const int ranks : {1, 2})
        for (const std::string epochs : {"3\n", "12\n"}) {
            const Ended ended = call(world_command(ranks, sweep(axes + epochs), std::to_string(ranks)));
            ASSERT_EQ(ended.exit_code, 0) << ended.errors;
        }
    EXPECT_THAT(query("SELECT DISTINCT kind, ranks FROM stages ORDER BY 1, 2", "2"), HasSubstr("train,2\n"));
    EXPECT_EQ(query(shown, "2"), query(shown, "1"));
    const auto alone = numbers(
        "SELECT validation_loss FROM epochs JOIN trials ON id = trial WHERE trials.epochs = 12"
        " ORDER BY epoch",
        "1");
    const auto together = numbers(
        "SELECT validation_loss FROM epochs JOIN trials ON id = trial WHERE trials.epochs ="
        " 12 ORDER BY epoch",
        "2");
    ASSERT_EQ(together.size(), alone.size());
    for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(together[i], alone[i], 1e-4 * alone[i]) << i;
    const std::string outcome = "SELECT last_epoch, result_epoch FROM trials WHERE epochs = 12";
    EXPECT_EQ(query(outcome, "2"), query(outcome, "1"));
}

}  // namespace
}  // namespace thaw
