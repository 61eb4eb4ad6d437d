// A sweep as its YAML file says it: the data, the axes with their values, and the rules that combine them into trials.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/trial/axis_table.hpp"
#include "common/trial/data_options.hpp"
#include "common/trial/trial.hpp"
#include "coordinator/sweep/search.hpp"
#include "coordinator/sweep/source_text.hpp"

namespace thaw {

/// What a sweep says about how a weight file was trained, where it says so; empty: as the weights registry knows.
struct WeightsOverride {
    std::string preprocessing;  // "torch", "tf", ...
    std::string padding;        // "symmetric" or "tensorflow"
    bool operator==(const WeightsOverride&) const = default;
};

struct WeightsSetting {
    std::string name;  // "imagenet", "random", a registry entry's name, or an absolute path
    WeightsOverride override;
    bool operator==(const WeightsSetting&) const = default;
};

/// A phase as a sweep says it: what it leaves out is as in the trial's own.
struct PhaseSetting {
    std::optional<std::string> freeze;
    std::optional<double> learning_rate;
    int epochs = 0;
    bool operator==(const PhaseSetting&) const = default;
};
using PhasesSetting = std::vector<PhaseSetting>;

/// One value of an axis; text is also what is one of a few words. Dropout is a number (that rate after each hidden
/// layer) or a list (one rate a layer).
using Setting = std::variant<std::string, std::int64_t, double, std::vector<double>, Head, Optimizer, WeightsSetting,
                             Schedule, EarlyStop, ClassWeights, Augment, PhasesSetting>;

struct AxisValue {
    Setting setting;
    Place place;
};

/// What a random search draws an axis' values from.
struct Distribution {
    enum Kind { choice, uniform, log_uniform } kind = choice;
    Setting low, high;  // of all but choice; both whole numbers, and then so is what is drawn, or both doubles
    Place place;
};

/// An axis and values for it: those it takes, or, in a rule, those that match.
struct Axis {
    AxisId id = axis_id("backbone");
    std::vector<AxisValue> values;  // none where the distribution is a range
    Place place;
    std::optional<Distribution> distribution;  // where the file says how to draw; a plain list is a choice without it

    bool is_range() const { return distribution && distribution->kind != Distribution::choice; }
};

/// Axes that advance together.
struct Zip {
    std::vector<AxisId> axes;
    Place place;
};

/// Trials that have one of the values on each axis of `matching` are dropped (exclude) or take, on each axis of
/// `then`, these values instead (when).
struct Rule {
    std::vector<Axis> matching;
    std::vector<Axis> then;
    Place place;
};

struct SweepData {
    std::filesystem::path folder;  // absolute
    Place folder_place;
    SplitOptions split;
    Place folds_place;     // of its folds, where there are any
    DecodeOptions decode;  // its image_size is each trial's own
    OnBadImage on_bad_image = OnBadImage::stop;
};

struct Sweep {
    std::string name;
    SourceText source;
    SweepData data;
    Search search;
    int ranks_per_trial = 0;  // that train one big trial together; 0: as the plan sees fit
    std::int64_t memory = 0;  // bytes of features that memory may hold; 0: the sweep does not say
    std::int64_t disk = 0;    // bytes that the cache may hold; 0: the sweep does not say
    Keep keep = Keep::none;
    std::vector<Axis> axes;  // in the file's order; an axis that is not here has struct Trial's default
    std::vector<Zip> zips;
    std::vector<Rule> when;     // applied in this order, each to what the ones before it left
    std::vector<Rule> exclude;  // applied after all of `when`
    std::map<std::string, WeightsOverride> weights_overrides;  // by Trial::weights
    std::vector<std::string> notes;  // what was read otherwise than it is written: "lr is read as learning_rate"
};

}  // namespace thaw
