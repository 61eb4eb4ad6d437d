#include "results/query/leaderboard.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/util/table.hpp"
#include "common/util/text.hpp"
#include "results/query/finished_trials.hpp"

namespace thaw {
namespace {

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
    Statement some = database.prepare(fmt::format("SELECT {} FROM comparable_trials LIMIT 1", axis_columns()));
    if (!some.step()) return;
    leaderboard.any = read_axes(some, 0);
    leaderboard.varying = varying_axes(database);
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        const bool varies = std::count(leaderboard.varying.begin(), leaderboard.varying.end(), axis) > 0;
        const bool unsaid = is_unsaid(axis, (*leaderboard.any)[axis]);
        if (!varies && !unsaid) leaderboard.constant.push_back(axis);
    }
}

/// Columns of metrics that some classes have and others have not: those that some row has.
template <typename Ranked>
std::vector<std::pair<const char*, double Ranked::*>> ranking_metrics(const std::vector<Ranked>& ranked) {
    std::vector<std::pair<const char*, double Ranked::*>> metrics = {
        {"AUC", &Ranked::validation_auc}, {"top-5 accuracy", &Ranked::validation_top5_accuracy}};
    std::erase_if(metrics, [&](const auto& metric) {
        return std::all_of(ranked.begin(), ranked.end(),
                           [&](const Ranked& one) { return std::isnan(one.*metric.second); });
    });
    return metrics;
}

Table trials_table(const Leaderboard& leaderboard) {
    const auto ranking = ranking_metrics(leaderboard.trials);
    Table table;
    table.columns = {"rank"};
    for (const std::size_t axis : leaderboard.varying) table.columns.emplace_back(kAxes[axis].label);
    for (const char* column : {"accuracy", "best accuracy", "in epoch", "train accuracy", "loss"})
        table.columns.emplace_back(column);
    for (const auto& [name, ignored] : ranking) table.columns.emplace_back(name);
    table.columns.insert(table.columns.end(), {"seconds", "trial"});
    for (const RankedTrial& trial : leaderboard.trials) {
        std::vector<Cell>& row = table.rows.emplace_back();
        row.emplace_back(std::int64_t{trial.rank});
        for (const std::size_t axis : leaderboard.varying) row.push_back(trial.axes[axis]);
        for (const double accuracy : {trial.validation_accuracy, trial.best_validation_accuracy})
            row.emplace_back(accuracy);
        row.emplace_back(std::int64_t{trial.best_epoch});
        for (const double value : {trial.train_accuracy, trial.validation_loss}) row.emplace_back(value);
        for (const auto& [ignored, metric] : ranking) row.emplace_back(trial.*metric);
        row.emplace_back(trial.seconds);
        row.emplace_back(trial.id);
    }
    return table;
}

Table configurations_table(const std::vector<RankedConfiguration>& configurations, std::vector<std::size_t> axes) {
    std::erase_if(axes, is_averaged);
    const auto ranking = ranking_metrics(configurations);
    Table table;
    table.columns = {"rank"};
    for (const std::size_t axis : axes) table.columns.emplace_back(kAxes[axis].label);
    for (const char* column : {"seeds", "accuracy", "best accuracy", "train accuracy", "loss"})
        table.columns.emplace_back(column);
    for (const auto& [name, ignored] : ranking) table.columns.emplace_back(name);
    table.columns.insert(table.columns.end(), {"seconds", "best trial"});
    for (const RankedConfiguration& one : configurations) {
        std::vector<Cell>& row = table.rows.emplace_back();
        row.emplace_back(std::int64_t{one.rank});
        for (const std::size_t axis : axes) row.push_back(one.axes[axis]);
        row.emplace_back(std::int64_t{one.seeds});
        row.emplace_back(mean_text(one.validation_accuracy, one.sd_validation_accuracy));
        for (const double value : {one.best_validation_accuracy, one.train_accuracy, one.validation_loss})
            row.emplace_back(value);
        for (const auto& [ignored, metric] : ranking) row.emplace_back(one.*metric);
        row.emplace_back(one.seconds);
        row.emplace_back(one.best_trial);
    }
    return table;
}

/// For a SELECT from configurations: of few rows, by an index.
std::string mean_over_trials(const char* column) {
    return fmt::format(
        "(SELECT avg({}) FROM trials WHERE configuration = configurations.configuration AND state = 'finished')",
        column);
}

}  // namespace

AxisValues read_axes(const Statement& row, int first_column) {
    AxisValues values;
    for (std::size_t axis = 0; axis < values.size(); ++axis)
        values[axis] = row.cell(first_column + static_cast<int>(axis));
    return values;
}

std::string axis_text(const AxisValues& values, std::size_t axis) {
    return cell_text(values[axis], kAxes[axis].name);
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

Leaderboard load_leaderboard(const Database& database, int top, const std::string& condition) {
    Leaderboard leaderboard;
    count_states(database, leaderboard);
    find_varying(database, leaderboard);
    const bool all = condition == "true";
    // The leaderboard itself numbers and orders its rows.
    Statement rows = database.prepare(fmt::format(
        "SELECT {}, trial, frozen_layers, validation_accuracy, best_validation_accuracy, best_epoch, train_accuracy,"
        " validation_loss, seconds, validation_auc, validation_top5_accuracy, {} FROM {} WHERE ({}) {} LIMIT ?1",
        all ? "rank" : "0", axis_columns(), all ? "leaderboard" : finished_trials(database, condition), condition,
        all ? "" : fmt::format("ORDER BY {}", kRankOrder)));
    rows.with(top);
    RankCounter ranks(database);
    while (rows.step()) {
        const double accuracy = rows.real(3), loss = rows.real(7);
        leaderboard.trials.push_back(
            {.rank = static_cast<int>(all ? rows.integer(0) : ranks.rank(accuracy, loss, rows.text(1))),
             .id = rows.text(1),
             .axes = read_axes(rows, 11),
             .frozen_layers = static_cast<int>(rows.integer(2)),
             .validation_accuracy = accuracy,
             .best_validation_accuracy = rows.real(4),
             .best_epoch = static_cast<int>(rows.integer(5)),
             .train_accuracy = rows.real(6),
             .validation_loss = loss,
             .seconds = rows.real(8),
             .validation_auc = rows.real(9),
             .validation_top5_accuracy = rows.real(10)});
    }
    return leaderboard;
}

std::vector<RankedConfiguration> load_configurations(const Database& database, int top, const std::string& condition) {
    std::vector<std::string> axes;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis)  // what is averaged is the best trial's
        axes.push_back(is_averaged(axis)
                           ? fmt::format("(SELECT {} FROM trials WHERE id = best_trial)", kAxes[axis].name)
                           : kAxes[axis].name);
    Statement rows = database.prepare(fmt::format(
        "SELECT rank, seeds, mean_validation_accuracy, sd_validation_accuracy, mean_best_validation_accuracy,"
        " mean_train_accuracy, mean_validation_loss, mean_seconds, best_trial, {}, {}, {} FROM configurations WHERE "
        "({})"
        " LIMIT ?1",
        mean_over_trials("final_validation_auc"), mean_over_trials("final_validation_top5_accuracy"),
        fmt::join(axes, ", "), condition));
    rows.with(top);
    std::vector<RankedConfiguration> configurations;
    while (rows.step())
        configurations.push_back({.rank = static_cast<int>(rows.integer(0)),
                                  .axes = read_axes(rows, 11),
                                  .seeds = static_cast<int>(rows.integer(1)),
                                  .validation_accuracy = rows.real(2),
                                  .sd_validation_accuracy = rows.real(3),
                                  .best_validation_accuracy = rows.real(4),
                                  .train_accuracy = rows.real(5),
                                  .validation_loss = rows.real(6),
                                  .seconds = rows.real(7),
                                  .validation_auc = rows.real(9),
                                  .validation_top5_accuracy = rows.real(10),
                                  .best_trial = rows.text(8)});
    return configurations;
}

std::vector<std::size_t> varying_axes(const Database& database) {
    Statement ranges = database.prepare(
        "SELECT axis FROM axis_ranges WHERE least <> greatest AND data = (SELECT data FROM comparable_trials LIMIT 1)");
    std::set<std::string> varying;
    while (ranges.step()) varying.insert(ranges.text(0));
    std::vector<std::size_t> axes;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis)
        if (varying.contains(kAxes[axis].name)) axes.push_back(axis);
    return axes;
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
        const bool bare = kBare.contains(kAxes[axis].name);
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

std::string mean_text(double mean, double sd) {
    return std::isfinite(sd) ? fmt::format("{} ± {}", decimals(mean, 4), decimals(sd, 4)) : decimals(mean, 4);
}

bool ranks_configurations(const Database& database, const std::string& condition) {
    const auto some = database.number(with_axes(
        "SELECT 1 FROM axis_ranges WHERE axis IN ({averaged axes' names}) AND least <> greatest AND data ="
        " (SELECT data FROM comparable_trials LIMIT 1) AND EXISTS (SELECT 1 FROM averages WHERE trials > 1 AND data ="
        " axis_ranges.data)"));
    // A condition may name what only a trial has.
    return some != 0 && database.understands(fmt::format("SELECT 1 FROM configurations WHERE ({})", condition));
}

std::string leaderboard_text(const Database& database, int top, const std::string& condition, TableFormat format,
                             const std::function<Table(Table)>& arrange) {
    const bool averaged = ranks_configurations(database, condition);
    const Leaderboard leaderboard = load_leaderboard(database, averaged ? 0 : top, condition);
    std::string text = progress_text(leaderboard) + '\n';
    if (leaderboard.any && !leaderboard.constant.empty())
        text += fmt::format("All with: {}\n", describe(*leaderboard.any, leaderboard.constant));
    if (leaderboard.finished == 0) return text + "No trial has finished yet.\n";
    if (averaged) text += "Means over seeds, ± one standard deviation. ";
    text += "Accuracy and loss are those of validation, after the last epoch; best accuracy is that of any epoch.\n\n";
    Table table = averaged ? configurations_table(load_configurations(database, top, condition), leaderboard.varying)
                           : trials_table(leaderboard);
    if (arrange) table = arrange(std::move(table));
    return text + (table.rows.empty() ? "None meets the condition.\n" : to_string(table, format));
}

}  // namespace thaw
