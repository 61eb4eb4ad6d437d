// The one table of axes (hyper-parameters): what sweep files, ids, JSON, results and help know of each is derived from
// its row.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/trial/trial.hpp"
#include "common/util/settings.hpp"
#include "common/util/table.hpp"

namespace thaw {

/// Where a trial keeps the axis' value; monostate: within another axis' value.
using AxisMember = std::variant<std::monostate, std::string Trial::*, int Trial::*, std::uint64_t Trial::*,
                                double Trial::*, WordMember<Trial>, std::vector<double> Trial::*, Head Trial::*,
                                Optimizer Trial::*, ClassWeights Trial::*, Schedule Trial::*, EarlyStop Trial::*,
                                Augment Trial::*, std::vector<Phase> Trial::*>;

/// How sweep files write a value. Of numbers and words nothing more is to be known; any other form has its reader in
/// coordinator/sweep/axes.cpp and its JSON Schema in coordinator/sweep/sweep_schema.json.
struct WholeNumber {
    std::int64_t low = 0, high = 0;
};
struct RealNumber {
    Range range;
};
struct Word {};
struct OwnForm {};
using AxisForm = std::variant<OwnForm, WholeNumber, RealNumber, Word>;

struct AxisRow {
    const char* name;   // in sweep files, and of its column in the results
    const char* label;  // in tables and charts for people
    int place;  // among a sweep's axes; points are in this order and drawn by it, so it stays. -1: a sweep says it
                // with another axis
    AxisMember member;
    AxisForm form = OwnForm{};
    const char* help = "";           // a line for `thaw help schema` and, where there is no other, `thaw schema`
    const char* in_sweeps = "";      // what sweep files say with it, where that is something else
    bool decides = true;             // the trial's result, and so its id; otherwise what it stands for does
    bool averaged = false;           // trials that differ only here are one configuration
    const char* json_key = nullptr;  // in trials as JSON, where it is not the name
    Cell (*value)(const Trial& trial) = nullptr;  // in the results, where it is not the member in short
};

/// Of a cross-validation.
inline constexpr int kMostFolds = 1000;

/// In the order of the results' columns: a new axis comes last, and goes without saying where it has its default.
inline constexpr auto kAxes = std::to_array<AxisRow>({
    {.name = "backbone",
     .label = "backbone",
     .place = 0,
     .member = &Trial::backbone,
     .help = "the network; `thaw backbones` lists them"},
    {.name = "weights",
     .label = "weights",
     .place = 1,
     .member = &Trial::weights,
     .help = "imagenet, random (not pretrained), or a file",
     .decides = false},  // their content does
    {.name = "freeze",
     .label = "freeze",
     .place = 3,
     .member = &Trial::freeze,
     .help = "how deep the network is frozen, as the sweep says it",
     .decides = false},  // the number of layers does
    {.name = "pooling",
     .label = "pooling",
     .place = -1,
     .member = {},
     .help = "of the last feature map: avg, max, flatten",
     .value = [](const Trial& trial) -> Cell { return to_string(trial.head.pooling); }},
    {.name = "head",
     .label = "head",
     .place = 4,
     .member = &Trial::head,
     .help = "widths of the head's hidden layers, 256-128, or none, with what is not as usual"},
    {.name = "dropout",
     .label = "dropout",
     .place = 5,
     .member = &Trial::dropout,
     .help = "rate after each of them: 0.5, or 0.5-0.3"},
    {.name = "optimizer",
     .label = "optimizer",
     .place = 6,
     .member = &Trial::optimizer,
     .help = "alone, or with what is not as usual: adam, sgd(momentum=0.9)"},
    {.name = "learning_rate",
     .label = "learning rate",
     .place = 7,
     .member = &Trial::learning_rate,
     .form = RealNumber{{0, false, 10, true}}},
    {.name = "batch_size",
     .label = "batch size",
     .place = 8,
     .member = &Trial::batch_size,
     .form = WholeNumber{1, 1'000'000}},
    {.name = "epochs",
     .label = "epochs",
     .place = 9,
     .member = &Trial::epochs,
     .form = WholeNumber{1, 100'000},
     .help = "how many it trains for"},
    {.name = "seed",
     .label = "seed",
     .place = 10,
     .member = &Trial::seed,
     .form = WholeNumber{0, std::numeric_limits<std::int64_t>::max()},
     .help = "of the weights it begins with, the order of images and dropout",
     .in_sweeps = "Of the head's start, dropout and the images' order; results are averaged over seeds.",
     .averaged = true},
    {.name = "image_size",
     .label = "image size",
     .place = 2,
     .member = &Trial::image_size,
     .form = WholeNumber{8, 4096},
     .help = "pixels, square"},
    {.name = "precision",
     .label = "precision",
     .place = 11,
     .member = kWords<&Trial::precision>,
     .form = Word{},
     .help = "of the frozen layers' arithmetic: fp32 or bf16"},
    {.name = "until",
     .label = "until",
     .place = 14,
     .member = &Trial::until,
     .help = "after which layer or block the network is cut off; none: all of it is there",
     .decides = false,  // the number of layers does
     .value = [](const Trial& trial) -> Cell { return trial.until.empty() ? "none" : trial.until; }},
    {.name = "loss",
     .label = "loss function",
     .place = 15,
     .member = kWords<&Trial::loss>,
     .form = Word{},
     .help = "categorical_crossentropy, or binary_crossentropy: one output for two classes"},
    {.name = "label_smoothing",
     .label = "label smoothing",
     .place = 16,
     .member = &Trial::label_smoothing,
     .form = RealNumber{{0, true, 1, false}},
     .help = "the target's share that is spread over all classes",
     .in_sweeps = "The share of each label that is spread over all classes, as Keras has it; of the validation loss "
                  "too."},
    {.name = "class_weights",
     .label = "class weights",
     .place = 17,
     .member = &Trial::class_weights,
     .help = "how much classes count in the loss: none, balanced, or cat=2 dog=0.5"},
    {.name = "schedule",
     .label = "schedule",
     .place = 12,
     .member = &Trial::schedule,
     .help = "of the learning rate, with what is not as usual: constant, step(every=3)"},
    {.name = "early_stopping",
     .label = "early stopping",
     .place = 13,
     .member = &Trial::early_stop,
     .help = "none, or what is watched and for how long: validation_loss patience=3",
     .json_key = "early_stop"},
    {.name = "augment",
     .label = "augment",
     .place = 18,
     .member = &Trial::augment,
     .help = "none, or how often images are changed and how: views=4 rotation_range=10"},
    {.name = "fold",
     .label = "fold",
     .place = 19,
     .member = &Trial::fold,
     .form = WholeNumber{1, kMostFolds},
     .help = "none, or in cross-validation the part that validates: 2/5",
     .in_sweeps = "Which part validates, of `folds` in data.split; default: each in turn.",
     .averaged = true,
     .value = [](const Trial& trial) -> Cell { return fold_name(trial); }},
    {.name = "phases",
     .label = "phases before",
     .place = 20,
     .member = &Trial::phases,
     .help = "none, or what was trained before: freeze, learning rate and epochs of each"},
    {.name = "batch_norm",
     .label = "batch-norm",
     .place = 21,
     .member = kWords<&Trial::batch_norm>,
     .form = Word{},
     .help = "of layers that are not frozen: train, or inference: by running statistics, which stay"},
});

/// The row of this name; what does not compile, or throws, has none.
constexpr std::size_t axis_of(std::string_view name) {
    std::size_t row = 0;
    while (kAxes.at(row).name != name) ++row;
    return row;
}

/// Axes from here on may go unsaid: there are results and readers from before them.
inline constexpr std::size_t kFirstUnsaidAxis = axis_of("precision");
/// Axes from here on came when views had their columns, and ids what they are of: they come last in both.
inline constexpr std::size_t kFirstLaterAxis = axis_of("until");

/// How many a sweep may say.
inline constexpr std::size_t kAxisCount = [] {
    std::size_t count = 0;
    for (const AxisRow& row : kAxes) count += row.place >= 0;
    return count;
}();

/// An axis of sweeps, by its place.
enum class AxisId : std::uint8_t {};

consteval AxisId axis_id(std::string_view name) {
    return static_cast<AxisId>(kAxes.at(axis_of(name)).place);
}

/// Rows of a sweep's axes, by place; a place that two rows have, or none, does not compile.
inline constexpr auto kSweepAxes = [] {
    std::array<const AxisRow*, kAxisCount> rows{};
    for (const AxisRow& row : kAxes) {
        if (row.place < 0) continue;
        const AxisRow*& at = rows.at(static_cast<std::size_t>(row.place));
        at = at ? throw "two axes have one place" : &row;
    }
    return rows;
}();

/// The value for people, as the results have it.
Cell axis_value(const AxisRow& row, const Trial& trial);
/// Of struct Trial's default.
Cell usual_value(const AxisRow& row);

}  // namespace thaw
