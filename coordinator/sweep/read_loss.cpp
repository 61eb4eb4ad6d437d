#include "coordinator/sweep/read_loss.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "common/util/nearest.hpp"

namespace thaw {
namespace {

constexpr double kLargestWeight = 1e6;

/// Where the sweep file says this value of the axis.
Place place_of_setting(const Sweep& sweep, AxisId id, const Setting& setting) {
    const auto find = [&](const std::vector<Axis>& axes) -> Place {
        for (const Axis& axis : axes)
            for (const AxisValue& value : axis.values)
                if (axis.id == id && value.setting == setting) return value.place;
        return {};
    };
    if (const Place place = find(sweep.axes)) return place;
    for (const Rule& rule : sweep.when)
        if (const Place place = find(rule.then)) return place;
    return {};
}

std::string complaint_of(const ClassWeights& weights, const std::vector<std::string>& classes) {
    for (const auto& [name, weight] : weights.by_class)
        if (std::find(classes.begin(), classes.end(), name) == classes.end())
            return fmt::format(
                "class_weights: there is no class '{}'{}; {} classes, the first of them {}", name,
                did_you_mean(name, classes), classes.size(),
                fmt::join(classes.begin(), classes.begin() + std::min<std::ptrdiff_t>(std::ssize(classes), 5), ", "));
    return "";
}

}  // namespace

Setting read_class_weights(const AxisContext& context, const YAML::Node& node) {
    ClassWeights weights;
    if (!node.IsMap()) {
        const std::string word = context.reader.word(node, "class_weights", {"none", "balanced"});
        weights.balanced = word == "balanced";
        return weights;
    }
    for (const auto& entry : node)
        weights.by_class[context.reader.text(entry.first, "a class")] =
            context.reader.number(entry.second, "class_weights", {0, true, kLargestWeight, true});
    return weights;
}

void check_classes(const Sweep& sweep, const std::vector<Trial>& trials, const std::vector<std::string>& classes) {
    const ClassWeights* good = nullptr;  // neighbouring trials mostly have the same
    for (const Trial& trial : trials) {
        if (trial.loss == Loss::binary_crossentropy && classes.size() != 2)
            throw error_at(sweep.source, place_of_setting(sweep, axis_id("loss"), word_of(trial.loss)),
                           fmt::format("loss: binary_crossentropy is for two classes, but {} has {}; write "
                                       "categorical_crossentropy",
                                       sweep.data.folder.string(), classes.size()));
        if (trial.class_weights.by_class.empty() || (good && trial.class_weights == *good)) continue;
        if (const std::string complaint = complaint_of(trial.class_weights, classes); !complaint.empty())
            throw error_at(sweep.source, place_of_setting(sweep, axis_id("class_weights"), trial.class_weights),
                           complaint);
        good = &trial.class_weights;
    }
}

}  // namespace thaw
