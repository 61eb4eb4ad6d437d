#include "results/query/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/util/error.hpp"
#include "common/util/text.hpp"
#include "results/query/trial_name.hpp"
#include "results/store/writer_lock.hpp"

namespace thaw {
namespace {

constexpr std::size_t kShownTrials = 10;

void load_running(const Database& database, RunStatus& status) {
    Statement rows = database.prepare(
        "SELECT id, rank, (SELECT coalesce(max(epoch), 0) FROM epochs WHERE trial = trials.id), epochs FROM"
        " comparable_trials AS trials WHERE state = 'running' ORDER BY started, id");
    while (rows.step())
        status.running.push_back({.id = rows.text(0),
                                  .what = describe_trial(database, rows.text(0)),
                                  .rank = static_cast<int>(rows.integer(1)),
                                  .epoch = static_cast<int>(rows.integer(2)),
                                  .epochs = static_cast<int>(rows.integer(3))});
}

/// The plan predicts the time from the first stage's start to the last one's end. Stages that have ended tell by how
/// much it errs on this machine; once it has been wrong all the same, the trials that have ended tell.
void predict_rest(const Database& database, std::int64_t sweep, RunStatus& status) {
    Statement row = database.prepare(
        "SELECT 86400 * (julianday('now') - julianday(coalesce((SELECT min(julianday(finished) - seconds / 86400.0)"
        " FROM stages WHERE sweep = ?1), 'now'))), predicted_seconds,"
        " (SELECT total(seconds) FROM stages WHERE sweep = ?1 AND NOT reused AND error = '' AND predicted_seconds > 0),"
        " (SELECT total(predicted_seconds) FROM stages WHERE sweep = ?1 AND NOT reused AND error = '')"
        " FROM sweeps WHERE id = ?1");
    row.with(sweep);
    if (!row.step()) return;
    status.elapsed_seconds = std::max(row.real(0), 0.0);
    if (!std::isfinite(row.real(1))) return;
    status.predicted_seconds = row.real(1);
    constexpr double kTelling = 1;  // s: less than this of ended stages says nothing of the others
    if (row.real(3) > kTelling) status.slowness = row.real(2) / row.real(3);
    const double left = row.real(1) * status.slowness - status.elapsed_seconds;
    if (left > 0) {
        status.seconds_left = left;
        return;
    }
    Statement ended = database.prepare(
        "SELECT count(*) FROM trials NOT INDEXED WHERE sweep = ?1 AND state IN ('finished', 'stopped', 'failed')");
    ended.with(sweep);
    const auto done = static_cast<double>(ended.step() ? ended.integer(0) : 0);
    if (done == 0) return;
    status.by_trials = true;
    status.seconds_left = status.elapsed_seconds * (status.counts.running + status.counts.waiting) / done;
}

std::string time_left_text(const RunStatus& status) {
    if (!status.seconds_left && status.predicted_seconds)
        return fmt::format("time left: not known, the plan's {} are over and no trial has ended yet\n",
                           human_seconds(*status.predicted_seconds));
    if (!status.seconds_left) return "time left: not known yet, the plan is being made\n";
    std::string text = fmt::format("time left: about {}", human_seconds(*status.seconds_left));
    if (status.by_trials)
        return text + fmt::format(", by the trials that have ended: the plan's {} are over\n",
                                  human_seconds(*status.predicted_seconds));
    text += fmt::format(" (planned: {} in all", human_seconds(*status.predicted_seconds));
    if (status.slowness != 1) text += fmt::format("; stages take {:.2f} times what was predicted", status.slowness);
    return text + ")\n";
}

}  // namespace

const char* RunStatus::state() const {
    if (name.empty()) return "nothing";
    if (writer && !outcome) return "running";
    const RunOutcome how = outcome.value_or(RunOutcome::killed);
    return how == RunOutcome::ok ? "done" : word_of(how);
}

RunStatus load_status(const std::filesystem::path& path) {
    RunStatus status;
    status.writer = current_writer(path);
    Database database = open_results(path);
    Transaction one_view(database, "BEGIN");
    Statement sweep = database.prepare(
        "SELECT id, name, strftime('%Y-%m-%d %H:%M:%S UTC', started), outcome, message,"
        " (SELECT count(*) FROM invocations), (SELECT total(wall_seconds) FROM invocations),"
        " (SELECT total(busy_seconds) FROM invocations) FROM sweeps ORDER BY id DESC LIMIT 1");
    if (!sweep.step()) return status;
    status.name = sweep.text(1);
    status.started = sweep.text(2);
    status.outcome = read_outcome(sweep.text(3));
    status.message = sweep.text(4);
    status.invocations = static_cast<int>(sweep.integer(5));
    status.wall_seconds = sweep.real(6);
    status.busy_seconds = sweep.real(7);
    status.counts = load_leaderboard(database, 0);
    if (std::string(status.state()) != "running") return status;
    load_running(database, status);
    predict_rest(database, sweep.integer(0), status);
    return status;
}

Table list_runs(const std::filesystem::path& runs) {
    Table table{{"run", "state", "trials", "finished", "failed", "accuracy", "seconds", "started"}, {}};
    std::error_code none;
    for (const auto& folder : std::filesystem::directory_iterator(runs, none)) {
        const std::filesystem::path file = folder.path() / "results.db";
        if (!std::filesystem::is_regular_file(file)) continue;
        std::vector<Cell> row(table.columns.size());
        row[0] = folder.path().filename().string();
        try {
            const RunStatus status = load_status(file);
            const Database database = open_results(file);
            Statement best = database.prepare("SELECT mean_validation_accuracy FROM configurations LIMIT 1");
            row[1] = std::string(status.state());
            row[2] = std::int64_t{status.counts.total()};
            row[3] = std::int64_t{status.counts.finished};
            row[4] = std::int64_t{status.counts.failed};
            if (best.step()) row[5] = best.cell(0);
            row[6] = status.wall_seconds;
            row[7] = status.started;
        } catch (const UserError& error) {
            row[1] = std::string(error.what());
        }
        table.rows.push_back(std::move(row));
    }
    sort_rows(table, "started", true);
    return table;
}

std::string status_text(const RunStatus& status) {
    const std::string state = status.state();
    if (state == "nothing") return "No sweep has been started here.\n";
    std::string text = fmt::format("{}: {}", clean_text(status.name), state);
    if (state == "running") text += fmt::format(" ({})", *status.writer);
    text += fmt::format(", started {}\n{}\n", status.started, progress_text(status.counts));
    text += fmt::format("{} in {}; stages were busy for {}\n", human_seconds(status.wall_seconds),
                        status.invocations == 1 ? "1 run" : fmt::format("{} runs", status.invocations),
                        human_seconds(status.busy_seconds));
    if (state != "running") {
        const std::string advice = outcome_text(status.outcome.value_or(RunOutcome::killed), status.message);
        return advice.empty() ? text : text + clean_text(advice) + "\n";
    }
    text += time_left_text(status);
    for (std::size_t i = 0; i < std::min(kShownTrials, status.running.size()); ++i) {
        const RunningTrial& trial = status.running[i];
        text += fmt::format("  {}  epoch {} of {} on rank {}: {}\n", trial.id, trial.epoch, trial.epochs, trial.rank,
                            trial.what);
    }
    if (status.running.size() > kShownTrials)
        text += fmt::format("  and {} more\n", status.running.size() - kShownTrials);
    return text;
}

std::string status_json(const RunStatus& status) {
    using Json = nlohmann::ordered_json;
    const auto number = [](std::optional<double> value) { return value ? Json(*value) : Json(); };
    const Leaderboard& counts = status.counts;
    Json running = Json::array();
    for (const RunningTrial& trial : status.running)
        running.push_back(
            {{"trial", trial.id}, {"rank", trial.rank}, {"epoch", trial.epoch}, {"epochs", trial.epochs}});
    const Json json = {{"name", status.name},
                       {"state", status.state()},
                       {"process", status.writer ? Json(*status.writer) : Json()},
                       {"started", status.started},
                       {"message", status.message},
                       {"invocations", status.invocations},
                       {"wall_seconds", status.wall_seconds},
                       {"busy_seconds", status.busy_seconds},
                       {"trials", counts.total()},
                       {"finished", counts.finished},
                       {"stopped", counts.stopped},
                       {"failed", counts.failed},
                       {"running", counts.running},
                       {"waiting", counts.waiting},
                       {"elapsed_seconds", status.elapsed_seconds},
                       {"predicted_seconds", number(status.predicted_seconds)},
                       {"seconds_left", number(status.seconds_left)},
                       {"seconds_left_by", status.by_trials ? "trials" : "plan"},
                       {"running_trials", running}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace thaw
