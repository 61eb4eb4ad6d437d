#include "common/trial/training_control.hpp"

#include "common/util/settings_text.hpp"

namespace thaw {

const NameTable<Monitor>& names_of(Monitor) {
    static const NameTable<Monitor> names = {{Monitor::validation_loss, "validation_loss"},
                                             {Monitor::validation_accuracy, "validation_accuracy"},
                                             {Monitor::train_loss, "train_loss"},
                                             {Monitor::train_accuracy, "train_accuracy"}};
    return names;
}

const NameTable<ScheduleKind>& names_of(ScheduleKind) {
    static const NameTable<ScheduleKind> names = {{ScheduleKind::constant, "constant"},
                                                  {ScheduleKind::step, "step"},
                                                  {ScheduleKind::exponential, "exponential"},
                                                  {ScheduleKind::cosine, "cosine"},
                                                  {ScheduleKind::reduce_on_plateau, "reduce_on_plateau"}};
    return names;
}

std::string schedule_name(const Schedule& schedule) {
    const Schedule usual;
    SettingsText settings;
    settings.note("factor", schedule.factor, usual.factor)
        .note("every", schedule.every, usual.every)
        .note("over", schedule.over, usual.over)
        .note("floor", schedule.floor, usual.floor)
        .note("warm_up", schedule.warm_up, usual.warm_up)
        .note("monitor", std::string(word_of(schedule.monitor)), std::string(word_of(usual.monitor)))
        .note("patience", schedule.patience, usual.patience)
        .note("min_delta", schedule.min_delta, usual.min_delta)
        .note("cooldown", schedule.cooldown, usual.cooldown);
    const std::string kind = word_of(schedule.kind);
    return settings.empty() ? kind : kind + "(" + settings.joined(",") + ")";
}

std::string early_stop_name(const EarlyStop& stop) {
    if (stop.none()) return "none";
    SettingsText settings;
    settings.note("patience", stop.patience, -1)
        .note("min_delta", stop.min_delta, 0.0)
        .note("restore_best", stop.restore_best, false);
    return fmt::format("{} {}", word_of(stop.monitor), settings.joined(" "));
}

}  // namespace thaw
