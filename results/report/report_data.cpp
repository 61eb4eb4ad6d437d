#include "results/report/report_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "results/report/report_loading.hpp"
#include "results/store/epochs.hpp"
#include "results/store/writer_lock.hpp"

namespace thaw {
namespace {

constexpr std::size_t kCurves = 6;
constexpr int kLongestStages = 40;
const char* const kComparableSweeps =
    "(SELECT id FROM sweeps WHERE data_fingerprint = (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1))";

std::vector<std::string> class_names(const std::string& column) {
    const auto names = nlohmann::json::parse(column, nullptr, false);
    std::vector<std::string> texts;
    if (!names.is_array()) return texts;
    for (const auto& name : names) {
        if (name.is_string()) texts.push_back(name.get<std::string>());
    }
    return texts;
}

void load_sweep(const Database& database, ReportData& data) {
    Statement row = database.prepare(
        "SELECT name, yaml, command_line, data_folder, data_fingerprint, classes, train_images, validation_images,"
        " test_images, bad_images, started, outcome, id, message FROM sweeps ORDER BY id DESC LIMIT 1");
    if (!row.step()) return;
    const auto count = [&](int column) { return static_cast<int>(row.integer(column)); };
    data.sweep = {.name = row.text(0),
                  .yaml = row.text(1),
                  .command_line = row.text(2),
                  .data_folder = row.text(3),
                  .data_fingerprint = row.text(4),
                  .classes = class_names(row.text(5)),
                  .train_images = count(6),
                  .validation_images = count(7),
                  .test_images = count(8),
                  .bad_images = count(9),
                  .environment = {}};
    data.started = row.text(10);
    data.outcome = read_outcome(row.text(11));
    data.message = row.text(13);
    Statement all = database.prepare("SELECT count(*), total(wall_seconds), total(busy_seconds) FROM invocations");
    if (all.step()) {
        data.invocations = static_cast<int>(all.integer(0));
        data.wall_seconds = all.real(1);
        data.busy_seconds = all.real(2);
    }
    Statement environment = database.prepare("SELECT name, value FROM environment WHERE sweep = ?1");
    environment.with(row.integer(12));
    while (environment.step()) data.sweep.environment[environment.text(0)] = environment.text(1);
    Statement findings = database.prepare("SELECT text FROM findings WHERE sweep = ?1 ORDER BY place");
    findings.with(row.integer(12));
    while (findings.step()) data.sweep.findings.push_back(findings.text(0));
}

/// The winner, the best of every other backbone, then the next best.
std::vector<std::size_t> worth_a_curve(const Analysis& analysis) {
    std::vector<std::size_t> chosen = best_by_level(analysis, kBackboneAxis);
    for (std::size_t i = 0; i < analysis.configurations.size() && chosen.size() < kCurves; ++i)
        if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) chosen.push_back(i);
    if (chosen.size() > kCurves) chosen.resize(kCurves);
    return chosen;
}

void load_curves(const Database& database, ReportData& data) {
    Statement epochs =
        database.prepare(fmt::format("SELECT {} FROM epochs WHERE trial = ?1 ORDER BY epoch", kEpochColumns));
    for (const std::size_t i : worth_a_curve(data.analysis)) {
        TrialCurve& curve = data.curves.emplace_back();
        curve.trial = data.analysis.configurations[i].trials.front();
        epochs.with(data.leaderboard.trials[curve.trial].id);
        while (epochs.step()) curve.epochs.push_back(read_epoch(epochs));
    }
}

void load_stopped(const Database& database, ReportData& data) {
    Statement rows = database.prepare(
        fmt::format("SELECT stopped_after, validation_accuracy, trial, {} FROM stopped_trials", axis_columns()));
    std::map<int, StoppedGroup, std::greater<>> groups;
    while (rows.step()) {
        const int epoch = static_cast<int>(rows.integer(0));
        groups[epoch].epoch = epoch;
        groups[epoch].trials.push_back({rows.text(2), read_axes(rows, 3), rows.real(1)});
    }
    for (auto& [epoch, group] : groups) data.stopped.push_back(std::move(group));
}

void load_failures(const Database& database, ReportData& data) {
    Statement rows =
        database.prepare(fmt::format("SELECT message, failed, trial, {} FROM failed_trials", axis_columns()));
    std::map<std::string, std::size_t> places;
    while (rows.step()) {
        const auto [place, is_new] = places.try_emplace(rows.text(0), data.failures.size());
        if (is_new) data.failures.push_back({.message = rows.text(0), .last = {}, .trials = {}});
        FailureGroup& group = data.failures[place->second];
        group.last = rows.text(1);
        group.trials.push_back({.id = rows.text(2), .axes = read_axes(rows, 3)});
    }
    std::stable_sort(data.failures.begin(), data.failures.end(),
                     [](const auto& a, const auto& b) { return a.trials.size() > b.trials.size(); });
}

void load_run_totals(const Database& database, ReportData& data) {
    Statement rows = database.prepare(
        fmt::format("SELECT strftime('%Y-%m-%d %H:%M UTC', started), outcome, predicted_seconds, seconds FROM"
                    " sweeps WHERE predicted_seconds IS NOT NULL AND seconds IS NOT NULL AND id IN {} ORDER BY id DESC",
                    kComparableSweeps));
    while (rows.step())
        data.run_totals.push_back({.started = rows.text(0),
                                   .outcome = read_outcome(rows.text(1)).value_or(RunOutcome::killed),
                                   .predicted_seconds = rows.real(2),
                                   .seconds = rows.real(3)});
}

void load_stage_totals(const Database& database, ReportData& data) {
    Statement rows = database.prepare(
        fmt::format("SELECT kind, count(*), sum(reused), sum(error NOT IN ('', 'interrupted')), sum(trials),"
                    " total(iif(done, predicted_seconds, 0)), total(iif(done, seconds, 0)),"
                    " total(iif(done, predicted_bytes, 0)), total(iif(done, bytes, 0)), sum(coalesce(computed, 0)),"
                    " total(iif(done, seconds * max(trials, 1), 0))"
                    " FROM (SELECT *, NOT reused AND error = '' AS done FROM stages WHERE sweep IN {})"
                    " GROUP BY kind ORDER BY min(id)",
                    kComparableSweeps));
    const auto count = [&](int column) { return static_cast<int>(rows.integer(column)); };
    while (rows.step())
        data.stage_totals.push_back({.kind = rows.text(0),
                                     .stages = count(1),
                                     .reused = count(2),
                                     .failed = count(3),
                                     .trials = count(4),
                                     .predicted_seconds = rows.real(5),
                                     .seconds = rows.real(6),
                                     .predicted_bytes = rows.real(7),
                                     .bytes = rows.real(8),
                                     .seconds_for_each = rows.real(10),
                                     .computed = rows.integer(9)});
}

void load_longest_stages(const Database& database, ReportData& data) {
    Statement rows = database.prepare(fmt::format(
        "SELECT kind, description, rank, trials, predicted_seconds, seconds, predicted_bytes, bytes, reused,"
        " error, coalesce(computed, 0) FROM stages WHERE sweep IN {} ORDER BY seconds DESC, id LIMIT {}",
        kComparableSweeps, kLongestStages));
    while (rows.step())
        data.longest_stages.push_back({.kind = rows.text(0),
                                       .description = rows.text(1),
                                       .rank = static_cast<int>(rows.integer(2)),
                                       .trials = static_cast<int>(rows.integer(3)),
                                       .predicted_seconds = rows.real(4),
                                       .seconds = rows.real(5),
                                       .predicted_bytes = rows.integer(6),
                                       .bytes = rows.integer(7),
                                       .reused = rows.integer(8) != 0,
                                       .computed = rows.integer(10),
                                       .error = rows.text(9)});
}

}  // namespace

ReportData load_report(const std::filesystem::path& path) {
    ReportData data;
    data.writer = current_writer(path);
    Database database = open_results(path);
    Transaction one_view(database, "BEGIN");
    Statement now = database.prepare("SELECT strftime('%Y-%m-%d %H:%M UTC', 'now')");
    if (now.step()) data.made = now.text(0);
    load_sweep(database, data);
    data.leaderboard = load_leaderboard(database);
    data.analysis = analyze(data.leaderboard);
    load_curves(database, data);
    load_predictions(database, data);
    load_costs(database, data);
    load_stopped(database, data);
    load_failures(database, data);
    load_run_totals(database, data);
    load_stage_totals(database, data);
    load_longest_stages(database, data);
    return data;
}

const RankedTrial& ReportData::winning_trial() const {
    const Configuration& best = analysis.configurations.front();
    for (const std::size_t trial : best.trials)
        if (test.of(leaderboard.trials[trial].id)) return leaderboard.trials[trial];
    return first_trial(best);
}

}  // namespace thaw
