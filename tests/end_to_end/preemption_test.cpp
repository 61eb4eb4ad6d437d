// Sweeps that are killed again and again at moments told by a clock alone, most of them before anything is done: as a
// cluster does with jobs of low priority. Their tables must be those of undisturbed runs, and no trial may fail for it.
// THAW_PREEMPTIONS says how often each sweep is killed (default 3).
#include <cstdlib>
#include <random>

#include "tests/end_to_end/fixture.hpp"

namespace thaw {
namespace {

struct PreemptedSweep {
    const char* name;
    const char* axes;
    const char* data = "";
};

const PreemptedSweep kSweeps[] = {
    {"halving_of_two_backbones",
     "backbone: [mobilenet_v2, efficientnet_lite0]\nfreeze: [all, 80%]\nhead: [none, \"16\"]\n"
     "learning_rate: [1e-3, 1e-2]\nepochs: 9\nsearch: {asha: {reduction_factor: 3, first_rung: 1}}\n"},
    {"random_search_with_median",
     "backbone: mobilenet_v2\nfreeze: [all, features.15]\nhead: [none, \"16\", 16-8]\ndropout: {uniform: [0.0, 0.6]}\n"
     "learning_rate: {log_uniform: [1e-4, 1e-2]}\noptimizer: [adam, sgd, rmsprop]\nseed: [1, 2]\n"
     "epochs: 6\nsearch: {random: {trials: 10, seed: 2}, median: {grace: 2, every: 2}}\n"},
    {"phases",
     "backbone: mobilenet_v2\nfreeze: [features.15, features.17]\nlearning_rate: [1e-4, 1e-3]\nepochs: [2, 4]\n"
     "phases: {freeze: all, learning_rate: 1e-2, epochs: 3}\n"},
    {"folds_with_augmentation",
     "backbone: mobilenet_v2\nfreeze: [all, features.17]\nlearning_rate: [1e-3, 1e-2]\nepochs: 4\n"
     "augment: [none, {views: 2, horizontal_flip: true, rotation_range: 10}]\n",
     ", split: {folds: 3}"},
    {"fresh_views_with_early_stopping",
     "backbone: mobilenet_v2\nfreeze: [all, features.17]\nhead: [none, \"16\"]\nlearning_rate: 1e-2\nepochs: 8\n"
     "augment: {views: fresh, horizontal_flip: true}\nearly_stopping: {patience: 2, restore_best: true}\n"},
};

class Preemption : public EndToEnd, public testing::WithParamInterface<PreemptedSweep> {};

TEST_P(Preemption, ChangesNothingAndFailsNoTrial) {
    const char* wanted = std::getenv("THAW_PREEMPTIONS");
    const int kills = wanted ? std::atoi(wanted) : 3;
    const std::string file = sweep(GetParam().axes, GetParam().data);
    const Ended undisturbed = run(file, "undisturbed");
    ASSERT_EQ(undisturbed.exit_code, 0) << undisturbed.errors;
    const std::string expected = results("undisturbed");
    std::mt19937 random(5);
    int killed = 0;
    for (int round = 0; killed < kills; ++round) {
        const std::string runs = "killed" + std::to_string(round);
        // Three in a row before anything is done, then whenever it comes.
        for (int i = 0; killed < kills && i < 12; ++i) {
            Process process(folder_.path(), run_command(file, runs));
            std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % (i < 3 ? 600 : 2500)));
            if (!process.running()) break;
            process.send(SIGKILL);
            process.wait();
            ++killed;
        }
        const Ended ended = run(file, runs);
        ASSERT_EQ(ended.exit_code, 0) << ended.errors;
        EXPECT_EQ(results(runs), expected) << "round " << round;
        EXPECT_EQ(query("SELECT count(*) FROM failures", runs), "0\n");
        std::filesystem::remove_all(folder_ / runs);
    }
    std::printf("%d kills\n", killed);
}

INSTANTIATE_TEST_SUITE_P(Sweeps, Preemption, testing::ValuesIn(kSweeps),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace thaw
