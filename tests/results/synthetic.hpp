// A sweep that never ran: trials with made-up metrics, for tests of the store and what reads it.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "results/store/store.hpp"

namespace thaw {

/// `count` distinct trials over two backbones, four freezes, four learning rates and as many seeds as it takes.
inline std::vector<Trial> synthetic_trials(int count) {
    const std::vector<std::string> backbones = {"mobilenet_v2", "resnet50"}, freezes = {"none", "50", "80%", "all"};
    std::vector<Trial> trials;
    for (int i = 0; i < count; ++i) {
        Trial trial;
        trial.backbone = backbones[static_cast<std::size_t>(i % 2)];
        trial.freeze = freezes[static_cast<std::size_t>(i / 2 % 4)];
        trial.frozen_layers = 50 * (i / 2 % 4);
        trial.learning_rate = std::pow(10, -4 + i / 8 % 4 * 0.5);
        trial.head.widths = {256, 128};
        trial.dropout = {0.5, 0.5};
        trial.seed = static_cast<std::uint64_t>(1 + i / 32);
        trial.id = fmt::format("{:016x}", i);
        trials.push_back(trial);
    }
    return trials;
}

/// Between 0 and 1, the same for the same trial each time.
inline double noise(const Trial& trial) {
    const double whole = 1e4 * std::abs(std::sin(std::stod(trial.id.substr(8)) + 0.37 * trial.frozen_layers));
    return whole - std::floor(whole);
}

inline EpochRecord synthetic_epoch(const Trial& trial, int epoch) {
    const double ceiling = 0.9 + (trial.backbone == "resnet50" ? 0.03 : 0) -
                           0.0002 * std::abs(trial.frozen_layers - 60) -
                           0.02 * std::abs(std::log10(trial.learning_rate) + 3) + 0.01 * noise(trial);
    const double learned = 1 - std::exp(-0.6 * epoch);
    return {.epoch = epoch,
            .train_loss = 1.2 - 1.1 * learned,
            .train_accuracy = std::min(0.999, ceiling * learned + 0.05 * learned),
            .validation_loss = 1.2 - 0.9 * learned + 0.1 * noise(trial),
            .validation_accuracy = ceiling * learned,
            .seconds = trial.backbone == "resnet50" ? 2.5 : 1.25};
}

inline SweepRecord synthetic_sweep() {
    return {.name = "flowers",
            .yaml = "data: {folder: flowers}\naxes:\n  backbone: [mobilenet_v2, resnet50]\n",
            .command_line = "thaw run flowers.yaml",
            .data_folder = "/data/flowers",
            .data_fingerprint = "f1",
            .classes = {"daisy", "rose", "tulip"},
            .train_images = 2400,
            .validation_images = 600,
            .test_images = 0,
            .bad_images = 2,
            .environment = {{"host", "atlas"}, {"version", "0.1.0"}, {"cores", "16"}}};
}

/// Runs one trial to its end: `epochs` epochs, 8 where none are given.
inline void finish(Store& store, const Trial& trial, int epochs = 8) {
    store.start_trial(trial.id, 0);
    for (int epoch = 1; epoch <= epochs; ++epoch) store.record_epoch(trial.id, synthetic_epoch(trial, epoch));
    store.finish_trial(trial.id);
}

}  // namespace thaw
