#include "coordinator/sweep/read_training_control.hpp"

#include "common/trial/epoch_rules.hpp"
#include "coordinator/sweep/read_settings.hpp"

namespace thaw {

std::vector<std::string> schedule_keys(ScheduleKind kind) {
    std::vector<std::string> names = schedule_row(kind).settings;
    names.emplace_back("warm_up");
    return names;
}

namespace {

Schedule read_schedule_settings(const YamlReader& reader, ScheduleKind kind, const std::string& name,
                                const YAML::Node& node) {
    Schedule schedule;
    schedule.kind = kind;
    bool has_factor = false;
    for (const auto& [key, value] : reader.entries(node, name, schedule_keys(kind))) {
        has_factor |= key == "factor";
        read_setting(reader, value, setting_row(setting_rows(schedule), key), schedule);
    }
    if (schedule_row(kind).needs_factor && !has_factor)
        reader.fail(node, "{} has no factor; say what the rate is multiplied with after each epoch: {{factor: 0.9}}",
                    name);
    return schedule;
}

}  // namespace

Setting read_schedule(const AxisContext& context, const YAML::Node& node) {
    const YamlReader& reader = context.reader;
    const auto kind_of = [&](const YAML::Node& name) {
        return reader.at(
            name, [&] { return parse_name("schedule", names_of(ScheduleKind{}), reader.text(name, "schedule")); });
    };
    if (!node.IsMap()) {
        Schedule schedule;
        schedule.kind = kind_of(node);
        if (schedule_row(schedule.kind).needs_factor)
            reader.fail(node, "{0} has no factor; write {{{0}: {{factor: 0.9}}}}", node.Scalar());
        return schedule;
    }
    if (node.size() != 1)
        reader.fail(node, "{} schedules in one map; write one, or a list: [constant, {{cosine: {{warm_up: 2}}}}]",
                    node.size());
    const YAML::Node name = node.begin()->first;
    return read_schedule_settings(reader, kind_of(name), name.Scalar(), node.begin()->second);
}

Setting read_early_stopping(const AxisContext& context, const YAML::Node& node) {
    const YamlReader& reader = context.reader;
    EarlyStop stop;
    if (node.IsScalar()) {
        if (reader.text(node, "early_stopping") != "none")
            reader.fail(node,
                        "early_stopping is '{}'; write none, or {{patience: 3}} with monitor, min_delta and "
                        "restore_best as you like",
                        node.Scalar());
        return stop;
    }
    for (const auto& [key, value] : reader.entries(node, "early_stopping", names_of_settings(setting_rows(stop))))
        read_setting(reader, value, setting_row(setting_rows(stop), key), stop);
    if (stop.none())
        reader.fail(node,
                    "early_stopping has no patience; say after how many epochs without improvement a training "
                    "ends: {{patience: 3}}");
    return stop;
}

}  // namespace thaw
