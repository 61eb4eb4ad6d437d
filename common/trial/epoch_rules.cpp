#include "common/trial/epoch_rules.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace thaw {
namespace {

bool is_loss(Monitor monitor) {
    return monitor == Monitor::validation_loss || monitor == Monitor::train_loss;
}

double monitored(const EpochMetrics& metrics, Monitor monitor) {
    switch (monitor) {
        case Monitor::validation_loss:
            return metrics.validation_loss;
        case Monitor::validation_accuracy:
            return metrics.validation_accuracy;
        case Monitor::train_loss:
            return metrics.train_loss;
        case Monitor::train_accuracy:
            return metrics.train_accuracy;
    }
    return 0;
}

/// Follows what is monitored; both of Keras' callbacks compare in this way.
class Best {
  public:
    Best(Monitor monitor, double min_delta) : monitor_(monitor), min_delta_(min_delta) {}
    /// Whether it improves on all epochs before; the first one does.
    bool improves(const EpochMetrics& metrics) {
        const double value = monitored(metrics, monitor_);
        const bool better =
            epoch_ == 0 || (is_loss(monitor_) ? value + min_delta_ < best_ : value - min_delta_ > best_);
        if (!better) return false;
        best_ = value;
        epoch_ = metrics.epoch;
        return true;
    }
    int epoch() const { return epoch_; }

  private:
    Monitor monitor_;
    double min_delta_, best_ = 0;
    int epoch_ = 0;
};

double reduced_on_plateau(const Schedule& schedule, double rate, int, const std::vector<EpochMetrics>& history) {
    Best best(schedule.monitor, schedule.min_delta);
    int waited = 0, cooldown = 0;
    for (const EpochMetrics& metrics : history) {
        if (metrics.epoch <= schedule.warm_up) continue;
        if (cooldown > 0) {
            --cooldown;
            waited = 0;
        }
        if (best.improves(metrics)) {
            waited = 0;
        } else if (cooldown == 0 && ++waited >= schedule.patience && rate > schedule.floor) {
            rate = std::max(rate * schedule.factor, schedule.floor);
            cooldown = schedule.cooldown;
            waited = 0;
        }
    }
    return rate;
}

/// The annealing of Loshchilov and Hutter 2017, without restarts.
double annealed(const Schedule& schedule, double rate, int before, const std::vector<EpochMetrics>&) {
    const double share = static_cast<double>(std::min(before, schedule.over)) / std::max(schedule.over, 1);
    const double floor = std::min(schedule.floor, rate);
    return floor + (rate - floor) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

}  // namespace

const std::vector<ScheduleRow>& schedules() {
    using History = std::vector<EpochMetrics>;
    static const std::vector<ScheduleRow> rows = {
        {.kind = ScheduleKind::constant,
         .name = "constant",
         .rate = [](const Schedule&, double rate, int, const History&) { return rate; }},
        {.kind = ScheduleKind::step,
         .name = "step",
         .rate = [](const Schedule& schedule, double rate, int before,
                    const History&) { return rate * std::pow(schedule.factor, before / schedule.every); },
         .settings = {"every", "factor"}},
        {.kind = ScheduleKind::exponential,
         .name = "exponential",
         .rate = [](const Schedule& schedule, double rate, int before,
                    const History&) { return rate * std::pow(schedule.factor, before); },
         .settings = {"factor"},
         .needs_factor = true},
        {.kind = ScheduleKind::cosine,
         .name = "cosine",
         .rate = annealed,
         .settings = {"over", "floor"},
         .ends_with_trial = true},
        {.kind = ScheduleKind::reduce_on_plateau,
         .name = "reduce_on_plateau",
         .rate = reduced_on_plateau,
         .settings = {"monitor", "factor", "patience", "min_delta", "cooldown", "floor"}},
    };
    return rows;
}

const NameTable<ScheduleKind>& names_of(ScheduleKind) {
    static const NameTable<ScheduleKind> names = [] {
        NameTable<ScheduleKind> table;
        for (const ScheduleRow& row : schedules()) table.emplace_back(row.kind, row.name);
        return table;
    }();
    return names;
}

const ScheduleRow& schedule_row(ScheduleKind kind) {
    for (const ScheduleRow& row : schedules())
        if (row.kind == kind) return row;
    THAW_CHECK(false, "no row for schedule {}", static_cast<int>(kind));
}

Schedule spread_over(Schedule schedule, int epochs) {
    if (schedule_row(schedule.kind).ends_with_trial && schedule.over == 0)
        schedule.over = std::max(epochs - schedule.warm_up, 1);
    return schedule;
}

bool is_monitoring(const Schedule& schedule) {
    const std::vector<std::string>& settings = schedule_row(schedule.kind).settings;
    return std::find(settings.begin(), settings.end(), "monitor") != settings.end();
}

int epochs_before(const Trial& trial) {
    return std::accumulate(trial.phases.begin(), trial.phases.end(), 0,
                           [](int sum, const Phase& phase) { return sum + phase.epochs; });
}

double learning_rate(const Trial& trial, int epoch, const std::vector<EpochMetrics>& history) {
    const Schedule& schedule = trial.schedule;
    if (epoch <= schedule.warm_up) return trial.learning_rate * epoch / (schedule.warm_up + 1);
    return schedule_row(schedule.kind).rate(schedule, trial.learning_rate, epoch - schedule.warm_up - 1, history);
}

bool stops_early(const EarlyStop& rule, const std::vector<EpochMetrics>& history) {
    if (rule.none()) return false;
    Best best(rule.monitor, rule.min_delta);
    int waited = 0;
    for (const EpochMetrics& metrics : history) {
        waited = best.improves(metrics) ? 0 : waited + 1;
        if (waited > 0 && waited >= rule.patience) return true;
    }
    return false;
}

bool has_ended(const Trial& trial, const std::vector<EpochMetrics>& history) {
    return !history.empty() && (history.back().epoch >= trial.epochs || stops_early(trial.early_stop, history));
}

int result_epoch(const EarlyStop& rule, std::span<const EpochMetrics> history) {
    if (rule.none() || !rule.restore_best) return history.back().epoch;
    Best best(rule.monitor, rule.min_delta);
    for (const EpochMetrics& metrics : history) best.improves(metrics);
    return best.epoch();
}

}  // namespace thaw
