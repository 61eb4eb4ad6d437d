#include "results/export/export_tensorboard.hpp"

#include <fmt/format.h>

#include <cmath>
#include <system_error>

#include "common/util/atomic_file.hpp"
#include "common/util/error.hpp"
#include "common/util/text.hpp"
#include "results/export/exported_trials.hpp"
#include "results/export/tfrecord.hpp"

// The messages, with their fields' numbers:
// https://github.com/tensorflow/tensorboard/tree/2.16.2/tensorboard/compat/proto (event, summary, tensor)
// https://github.com/tensorflow/tensorboard/tree/2.16.2/tensorboard/plugins/hparams (api, plugin_data)
namespace thaw {
namespace {

namespace fs = std::filesystem;

struct Metric {
    const char* tag;
    const char* title;
    std::optional<double> (*value)(const EpochRecord& epoch);
    std::int64_t data_set;         // hparams.DatasetType: 1 training, 2 validation
    const char* column = nullptr;  // of trials: where none has it, the table need not either
};
constexpr Metric kMetrics[] = {
    {"accuracy/validation", "validation accuracy", [](const auto& e) { return std::optional(e.validation_accuracy); },
     2},
    {"loss/validation", "validation loss", [](const auto& e) { return std::optional(e.validation_loss); }, 2},
    {"accuracy/train", "train accuracy", [](const auto& e) { return std::optional(e.train_accuracy); }, 1},
    {"loss/train", "train loss", [](const auto& e) { return std::optional(e.train_loss); }, 1},
    {"auc/validation", "validation AUC", [](const auto& e) { return e.validation_auc; }, 2, "final_validation_auc"},
    {"top5_accuracy/validation", "validation top-5 accuracy", [](const auto& e) { return e.validation_top5_accuracy; },
     2, "final_validation_top5_accuracy"},
};

bool is_measured(const Database& database, const Metric& metric) {
    if (!metric.column) return true;
    return database.number(
               fmt::format("SELECT 1 FROM comparable_trials WHERE {} IS NOT NULL LIMIT 1", metric.column)) == 1;
}

/// Whether it goes without saying that all trials have this value.
bool are_unsaid(std::size_t axis, const std::vector<Cell>& values) {
    return axis >= kFirstLaterAxis && values.size() == 1 && is_unsaid(axis, values[0]);
}

/// google.protobuf.Value
ProtoMessage proto_value(const Cell& cell) {
    ProtoMessage value;
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return value.add(2, static_cast<double>(*integer));
    if (const auto* real = std::get_if<double>(&cell)) return value.add(2, *real);
    if (const auto* text = std::get_if<std::string>(&cell)) return value.add(3, clean_text(*text));
    return value.add(1, std::int64_t{0});
}

bool is_text(const Cell& cell) {
    return std::holds_alternative<std::string>(cell);
}

double numeric_cell(const Cell& cell) {
    const auto* integer = std::get_if<std::int64_t>(&cell);
    return integer ? static_cast<double>(*integer) : std::get<double>(cell);
}

/// Event: wall_time 1, step 2, file_version 3, summary 5.
std::string event(double wall_time, std::int64_t step, const ProtoMessage& summary) {
    return tfrecord(ProtoMessage().add(1, wall_time).add(2, step).add(5, summary).bytes());
}

/// Summary.Value: tag 1, simple_value 2.
ProtoMessage scalar(const char* tag, double value) {
    return ProtoMessage().add(1, std::string_view(tag)).add_float(2, static_cast<float>(value));
}

/// A summary that the HParams tab reads: Summary.Value with tag 1, tensor 8 (empty: DT_FLOAT of the shape [0]) and
/// metadata 9 with the plugin's name and content. `field`: which part of HParamsPluginData the content is.
ProtoMessage hparams(const char* tag, int field, const ProtoMessage& content) {
    const ProtoMessage plugin = ProtoMessage()
                                    .add(1, std::string_view("hparams"))
                                    .add(2, ProtoMessage().add(1, std::int64_t{0}).add(field, content));
    const ProtoMessage shape = ProtoMessage().add(2, ProtoMessage().add(1, std::int64_t{0}));
    return ProtoMessage().add(1, ProtoMessage()
                                     .add(1, std::string_view(tag))
                                     .add(8, ProtoMessage().add(1, std::int64_t{1}).add(2, shape))
                                     .add(9, ProtoMessage().add(1, plugin)));
}

constexpr std::size_t kMostListedNumbers = 50;  // numbers; more are a range

/// google.protobuf.ListValue
ProtoMessage list_of(const std::vector<Cell>& values) {
    ProtoMessage list;
    for (const Cell& value : values) list.add(1, proto_value(value));
    return list;
}

/// hparams.Interval; of numbers by size.
ProtoMessage range_of(const std::vector<Cell>& values) {
    return ProtoMessage().add(1, numeric_cell(values.front())).add(2, numeric_cell(values.back()));
}

/// Experiment: what the columns of the table are.
ProtoMessage experiment(const Database& database) {
    ProtoMessage experiment;
    experiment.add(6, std::string_view(clean_text(sweep_name(database))));
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis) {
        const std::vector<Cell> values = axis_values(database, axis);
        if (are_unsaid(axis, values)) continue;
        const bool text = !values.empty() && is_text(values.front());
        ProtoMessage info;
        info.add(1, std::string_view(kAxes[axis].name)).add(2, std::string_view(kAxes[axis].label));
        info.add(4, std::int64_t{text ? 1 : 3});  // DATA_TYPE_STRING, DATA_TYPE_FLOAT64
        experiment.add(4, text || values.size() <= kMostListedNumbers ? info.add(5, list_of(values))
                                                                      : info.add(6, range_of(values)));
    }
    for (const Metric& metric : kMetrics)
        if (is_measured(database, metric))
            experiment.add(5, ProtoMessage()
                                  .add(1, ProtoMessage().add(2, std::string_view(metric.tag)))
                                  .add(3, std::string_view(metric.title))
                                  .add(5, metric.data_set));
    return experiment;
}

/// hparams.Status: 1 success, 2 failure, 3 running, 0 unknown.
std::int64_t status_of(const std::string& state) {
    if (state == "finished" || state == "stopped") return 1;
    return state == "failed" ? 2 : state == "running" ? 3 : 0;
}

std::string events_of(const ExportedTrial& trial) {
    double time = std::isnan(trial.started_seconds) ? 0 : trial.started_seconds;
    ProtoMessage start;
    for (std::size_t axis = 0; axis < kAxes.size(); ++axis)
        start.add(1, ProtoMessage().add(1, std::string_view(kAxes[axis].name)).add(2, proto_value(trial.axes[axis])));
    start.add(4, std::string_view(trial.configuration)).add(5, time);
    std::string events = tensorboard_start(time) + event(time, 0, hparams("_hparams_/session_start_info", 3, start));
    for (const EpochRecord& epoch : trial.epochs) {
        time += std::isnan(epoch.seconds) ? 0 : epoch.seconds;
        events += tensorboard_epoch(time, epoch);
    }
    ProtoMessage end;
    end.add(1, status_of(trial.state));
    if (!std::isnan(trial.finished_seconds)) end.add(2, trial.finished_seconds);
    return events + event(time, 0, hparams("_hparams_/session_end_info", 4, end));
}

/// TensorBoard takes a file for events by the `tfevents` in its name.
void write_events(const fs::path& folder, const std::string& events) {
    fs::create_directories(folder);
    write_file(folder / "events.out.tfevents.thaw", events);
}

}  // namespace

std::string tensorboard_start(double wall_time) {
    return tfrecord(ProtoMessage().add(1, wall_time).add(3, std::string_view("brain.Event:2")).bytes());
}

std::string tensorboard_epoch(double wall_time, const EpochRecord& epoch) {
    ProtoMessage summary;
    const auto add = [&](const char* tag, const std::optional<double>& value) {
        if (value && !std::isnan(*value)) summary.add(1, scalar(tag, *value));
    };
    for (const Metric& metric : kMetrics) add(metric.tag, metric.value(epoch));
    if (epoch.learning_rate > 0) add("learning_rate", epoch.learning_rate);
    return event(wall_time, epoch.epoch, summary);
}

void export_tensorboard(const Database& database, const fs::path& to) {
    try {
        write_events(to, tensorboard_start(0) + event(0, 0, hparams("_hparams_/experiment", 2, experiment(database))));
        each_trial(database, [&](const ExportedTrial& trial) {
            if (trial.state != "waiting") write_events(to / trial.id, events_of(trial));
        });
    } catch (const std::system_error& error) {
        throw UserError("cannot write the event files: {}", error.what());
    }
}

}  // namespace thaw
