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

std::string schedule_name(const Schedule& schedule) {
    SettingsText settings;
    settings.note(setting_rows(schedule).subspan(1), schedule, Schedule());
    const std::string kind = word_of(schedule.kind);
    return settings.empty() ? kind : kind + "(" + settings.joined(",") + ")";
}

std::string early_stop_name(const EarlyStop& stop) {
    if (stop.none()) return "none";
    SettingsText settings;
    settings.add(word_of(stop.monitor)).note(setting_rows(stop).subspan(1), stop, EarlyStop());
    return settings.joined(" ");
}

}  // namespace thaw
