#include "results/leaderboard.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/table.hpp"
#include "common/text.hpp"

namespace thaw {
namespace {

/// For a SELECT.
std::string column_of(const Database& database, const AxisColumn& axis) {
    const bool there = !axis.usual || has_column(database, "trials", axis.column);
    return there ? axis.column : fmt::format("'{}'", axis.usual);
}

void count_states(const Database& database, Leaderboard& leaderboard) {
    Statement states = database.prepare("SELECT state, count(*) FROM comparable_trials GROUP BY state");
    while (states.step()) {
        const std::string state = states.text(0);
        const int count = static_cast<int>(states.integer(1));
        (state == "finished"  ? leaderboard.finished
         : state == "stopped" ? leaderboard.stopped
         : state == "failed"  ? leaderboard.failed
         : state == "running" ? leaderboard.running
                              : leaderboard.waiting) = count;
    }
}

void find_varying(const Database& database, Leaderboard& leaderboard) {
    Statement some = database.prepare(fmt::format("SELECT {} FROM comparable_trials LIMIT 1", axis_columns(database)));
    if (!some.step()) return;
    leaderboard.any = read_axes(some, 0);
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        const auto values = database.number(
            fmt::format("SELECT count(DISTINCT {}) FROM comparable_trials", column_of(database, kAxes[axis])));
        if (values > 1)
            leaderboard.varying.push_back(axis);
        else if (!kAxes[axis].usual || axis_text(*leaderboard.any, axis) != kAxes[axis].usual)
            leaderboard.constant.push_back(axis);
    }
}

}  // namespace

std::string axis_columns(const Database& database) {
    std::vector<std::string> columns;
    for (const AxisColumn& axis : kAxes) columns.push_back(column_of(database, axis));
    return fmt::format("{}", fmt::join(columns, ", "));
}

AxisValues read_axes(const Statement& row, int first_column) {
    AxisValues values;
    for (std::size_t axis = 0; axis < values.size(); ++axis)
        values[axis] = row.cell(first_column + static_cast<int>(axis));
    return values;
}

std::string axis_text(const AxisValues& values, std::size_t axis) {
    return cell_text(values[axis], kAxes[axis].column);
}

bool has_random_weights(const AxisValues& values) {
    const auto* weights = std::get_if<std::string>(&values[kWeightsAxis]);
    return weights && *weights == "random";
}

bool has_bf16(const AxisValues& values) {
    const auto* precision = std::get_if<std::string>(&values[kPrecisionAxis]);
    return precision && *precision == "bf16";
}

std::string backbone_label(const AxisValues& values) {
    const std::string weights = axis_text(values, kWeightsAxis);
    std::string label = axis_text(values, kBackboneAxis);
    if (weights != "imagenet") label += fmt::format(" ({})", weights);
    return has_bf16(values) ? label + " (bf16)" : label;
}

Leaderboard load_leaderboard(const Database& database, int top) {
    Leaderboard leaderboard;
    count_states(database, leaderboard);
    find_varying(database, leaderboard);
    Statement rows = database.prepare(fmt::format(
        "SELECT rank, trial, frozen_layers, validation_accuracy, best_validation_accuracy, best_epoch, train_accuracy,"
        " validation_loss, seconds, {} FROM leaderboard LIMIT ?1",
        axis_columns(database)));
    rows.with(top);
    while (rows.step()) {
        leaderboard.trials.push_back({.rank = static_cast<int>(rows.integer(0)),
                                      .id = rows.text(1),
                                      .axes = read_axes(rows, 9),
                                      .frozen_layers = static_cast<int>(rows.integer(2)),
                                      .validation_accuracy = rows.real(3),
                                      .best_validation_accuracy = rows.real(4),
                                      .best_epoch = static_cast<int>(rows.integer(5)),
                                      .train_accuracy = rows.real(6),
                                      .validation_loss = rows.real(7),
                                      .seconds = rows.real(8)});
    }
    return leaderboard;
}

std::vector<std::string> freezes_by_depth(const Leaderboard& leaderboard) {
    std::map<std::string, std::pair<double, int>> depths;  // sum and count
    for (const RankedTrial& trial : leaderboard.trials) {
        auto& [sum, count] = depths[axis_text(trial.axes, kFreezeAxis)];
        sum += trial.frozen_layers;
        ++count;
    }
    std::vector<std::string> freezes;
    for (const auto& [freeze, ignored] : depths) freezes.push_back(freeze);
    const auto depth = [&](const std::string& freeze) { return depths[freeze].first / depths[freeze].second; };
    std::stable_sort(freezes.begin(), freezes.end(),
                     [&](const std::string& a, const std::string& b) { return depth(a) < depth(b); });
    return freezes;
}

std::string describe(const AxisValues& values, const std::vector<std::size_t>& axes) {
    // The values of these axes speak for themselves.
    static const std::set<std::string> kBare = {"backbone", "optimizer"};
    std::vector<std::string> parts;
    for (const std::size_t axis : axes) {
        const bool bare = kBare.contains(kAxes[axis].column);
        parts.push_back((bare ? "" : std::string(kAxes[axis].label) + " ") + axis_text(values, axis));
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string progress_text(const Leaderboard& leaderboard) {
    std::vector<std::string> parts;
    const auto note = [&](int count, const char* state) {
        if (count > 0) parts.push_back(fmt::format("{} {}", count, state));
    };
    note(leaderboard.finished, "finished");
    note(leaderboard.stopped, "stopped early");
    note(leaderboard.failed, "failed");
    note(leaderboard.running, "running");
    note(leaderboard.waiting, "waiting");
    const std::string trials = counted(leaderboard.total(), "trial");
    return parts.empty() ? trials : fmt::format("{}: {}", trials, fmt::join(parts, ", "));
}

std::string leaderboard_text(const Leaderboard& leaderboard) {
    std::string text = progress_text(leaderboard) + '\n';
    if (leaderboard.any && !leaderboard.constant.empty())
        text += fmt::format("All with: {}\n", describe(*leaderboard.any, leaderboard.constant));
    if (leaderboard.trials.empty()) return text + "No trial has finished yet.\n";

    Table table;
    table.columns = {"rank"};
    for (const std::size_t axis : leaderboard.varying) table.columns.emplace_back(kAxes[axis].label);
    for (const char* column : {"accuracy", "best accuracy", "in epoch", "train accuracy", "loss", "seconds", "trial"})
        table.columns.emplace_back(column);
    for (const RankedTrial& trial : leaderboard.trials) {
        std::vector<Cell>& row = table.rows.emplace_back();
        row.emplace_back(std::int64_t{trial.rank});
        for (const std::size_t axis : leaderboard.varying) row.push_back(trial.axes[axis]);
        for (const double accuracy : {trial.validation_accuracy, trial.best_validation_accuracy})
            row.emplace_back(accuracy);
        row.emplace_back(std::int64_t{trial.best_epoch});
        for (const double value : {trial.train_accuracy, trial.validation_loss, trial.seconds}) row.emplace_back(value);
        row.emplace_back(trial.id);
    }
    text += "Accuracy and loss are those of validation, after the last epoch; best accuracy is that of any epoch.\n\n";
    return text + to_text(table);
}

}  // namespace thaw
