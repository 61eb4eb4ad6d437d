#include "results/store/axes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/trial/trial.hpp"

namespace thaw {
namespace {

std::string joined_columns(std::size_t begin, std::size_t end, bool averaged_too) {
    std::vector<std::string> columns;
    for (std::size_t axis = begin; axis < end; ++axis) {
        if (averaged_too || !is_averaged(axis)) columns.emplace_back(kAxes[axis].column);
        // Depths as layers stand beside how the sweep says them.
        if (axis == kFreezeAxis) columns.insert(columns.end(), {"frozen_layers", "cut"});
    }
    return fmt::format("{}", fmt::join(columns, ", "));
}

/// Rows of (place, axis, value, weights, accuracy), of trials called `finals`.
std::string axis_points() {
    std::vector<std::string> selects;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        const std::string column = kAxes[axis].column;
        const std::string value =
            axis == kBackboneAxis ? "backbone || iif(weights = 'random', ' (random)', '')" : column;
        selects.push_back(
            fmt::format("SELECT {}, '{}', {}, weights, validation_accuracy FROM finals", axis + 1, column, value));
    }
    return fmt::format("{}", fmt::join(selects, "\n    UNION ALL "));
}

}  // namespace

AxisValues values_of(const Trial& trial) {
    return {trial.backbone,
            trial.weights,
            trial.freeze,
            to_string(trial.head.pooling),
            head_name(trial.head),
            dropout_name(trial.dropout),
            optimizer_name(trial.optimizer),
            trial.learning_rate,
            std::int64_t{trial.batch_size},
            std::int64_t{trial.epochs},
            static_cast<std::int64_t>(trial.seed),
            std::int64_t{trial.image_size},
            to_string(trial.precision),
            trial.until.empty() ? "none" : trial.until,
            word_of(trial.loss),
            trial.label_smoothing,
            class_weights_name(trial.class_weights),
            schedule_name(trial.schedule),
            early_stop_name(trial.early_stop),
            augment_name(trial.augment),
            fold_name(trial),
            phases_name(trial.phases)};
}

std::string axis_columns(std::size_t begin, std::size_t end) {
    std::vector<std::string> columns;
    for (std::size_t axis = begin; axis < end; ++axis) columns.emplace_back(kAxes[axis].column);
    return fmt::format("{}", fmt::join(columns, ", "));
}

std::string with_axes(std::string sql) {
    const auto fill = [&](std::string_view room, const std::string& text) {
        for (auto at = sql.find(room); at != std::string::npos; at = sql.find(room, at + text.size()))
            sql.replace(at, room.size(), text);
    };
    fill("{axes}", joined_columns(0, kFirstLaterAxis, true));
    fill("{later_axes}", joined_columns(kFirstLaterAxis, kAxes.size(), true));
    fill("{axes but averaged}", joined_columns(0, kFirstLaterAxis, false));
    fill("{later_axes but averaged}", joined_columns(kFirstLaterAxis, kAxes.size(), false));
    fill("{axis_points}", axis_points());
    return sql;
}

}  // namespace thaw
