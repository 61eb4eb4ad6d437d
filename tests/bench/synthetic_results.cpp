// Writes a results database of a sweep that never ran, by the store itself: for timing what reads it.
#include <fmt/format.h>

#include <cstdlib>

#include "tests/results/synthetic.hpp"

namespace thaw {
namespace {

/// Configurations over two backbones, four freezes and as many learning rates as it takes, each with every seed.
std::vector<Trial> make_trials(int configurations, int seeds) {
    std::vector<Trial> trials;
    for (int i = 0; i < configurations; ++i) {
        for (int seed = 1; seed <= seeds; ++seed) {
            Trial trial;
            trial.backbone = i % 2 ? "resnet50" : "mobilenet_v2";
            trial.freeze = i / 2 % 4 ? fmt::format("{}", 40 * (i / 2 % 4)) : "none";
            trial.frozen_layers = 40 * (i / 2 % 4);
            trial.learning_rate = 1e-5 * (1 + i / 8);
            trial.head.widths = {256, 128};
            trial.dropout = {0.5, 0.5};
            trial.epochs = 5;
            trial.seed = static_cast<std::uint64_t>(seed);
            trial.id = trial_id(trial, "synthetic");
            trials.push_back(trial);
        }
    }
    return trials;
}

EpochRecord epoch_of(std::size_t number, int epoch, int images, bool last) {
    const auto noise = static_cast<double>(number * 2654435761U % 1000003) / 1000003;  // spread evenly
    const double learned = 1 - std::exp(-0.6 * epoch);
    EpochRecord record{.epoch = epoch,
                       .train_loss = 1.2 - learned,
                       .train_accuracy = learned,
                       .validation_loss = 1.3 - 0.9 * learned + 0.1 * noise,
                       .validation_accuracy = learned * (0.5 + 0.45 * noise),
                       .seconds = 1.5,
                       .weights = fmt::format("{:032x}", number)};
    if (last) record.predicted.assign(static_cast<std::size_t>(images), static_cast<int>(number % 3));
    return record;
}

void write(const char* path, int configurations, int seeds, int images) {
    const std::vector<Trial> trials = make_trials(configurations, seeds);
    Store store(path);
    store.begin_sweep(synthetic_sweep(), trials);
    store.record_prediction(3600);
    store.together([&] {
        for (std::size_t i = 0; i < trials.size(); ++i) {
            store.start_trial(trials[i].id, 0);
            for (int epoch = 1; epoch <= 5; ++epoch)
                store.record_epoch(trials[i].id, epoch_of(i, epoch, images, epoch == 5));
            store.finish_trial(trials[i].id);
        }
    });
    store.end_sweep(RunOutcome::ok, 3500);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: synthetic_results OUT.db [configurations] [seeds] [validation images]\n");
        return 2;
    }
    const auto number = [&](int at, int usual) { return argc > at ? std::atoi(argv[at]) : usual; };
    thaw::write(argv[1], number(2, 100'000), number(3, 1), number(4, 0));
    return 0;
}
