#include "results/export/exported_trials.hpp"

#include <fmt/format.h>

#include "results/store/epochs.hpp"

namespace thaw {

void each_trial(const Database& database, const std::function<void(const ExportedTrial&)>& take) {
    Statement rows = database.prepare(
        fmt::format("SELECT id, state, configuration, strftime('%Y-%m-%d %H:%M:%f', started) || '000',"
                    " strftime('%Y-%m-%d %H:%M:%f', finished) || '000', 86400 * (julianday(started) - 2440587.5),"
                    " 86400 * (julianday(finished) - 2440587.5), final_validation_accuracy, seconds,"
                    " (SELECT message FROM failures WHERE trial = trials.id ORDER BY failures.id DESC LIMIT 1), {}"
                    " FROM comparable_trials AS trials ORDER BY started IS NULL, started, id",
                    axis_columns()));
    Statement epochs =
        database.prepare(fmt::format("SELECT {} FROM epochs WHERE trial = ?1 ORDER BY epoch", kEpochColumns));
    while (rows.step()) {
        ExportedTrial trial{.id = rows.text(0),
                            .state = rows.text(1),
                            .configuration = rows.text(2),
                            .message = rows.text(1) == "failed" ? rows.text(9) : "",
                            .axes = read_axes(rows, 10),
                            .started = rows.text(3),
                            .finished = rows.text(4),
                            .started_seconds = rows.real(5),
                            .finished_seconds = rows.real(6),
                            .validation_accuracy = rows.real(7),
                            .seconds = rows.real(8),
                            .epochs = {}};
        epochs.with(trial.id);
        while (epochs.step()) trial.epochs.push_back(read_epoch(epochs));
        take(trial);
    }
}

std::vector<Cell> axis_values(const Database& database, std::size_t axis) {
    Statement rows =
        database.prepare(fmt::format("SELECT DISTINCT {0} FROM comparable_trials ORDER BY {0}", kAxes[axis].name));
    std::vector<Cell> values;
    while (rows.step()) values.push_back(rows.cell(0));
    return values;
}

std::string sweep_name(const Database& database) {
    Statement row = database.prepare("SELECT name FROM sweeps ORDER BY id DESC LIMIT 1");
    return row.step() ? row.text(0) : "";
}

}  // namespace thaw
