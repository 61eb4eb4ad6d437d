#include "coordinator/sweep/read_training_control.hpp"

#include <algorithm>

namespace thaw {
namespace {

constexpr int kMostEpochs = 100'000;
const Range kFactor = {0, false, 1, false}, kDelta = {0, true, 1e6, true}, kFloor = {0, true, 10, true};

Monitor read_monitor(const YamlReader& reader, const YAML::Node& node) {
    return reader.at(node, [&] { return parse_name("monitor", names_of(Monitor{}), reader.text(node, "monitor")); });
}

int read_epoch_count(const YamlReader& reader, const YAML::Node& node, const std::string& what, int least) {
    return static_cast<int>(reader.integer(node, what, least, kMostEpochs));
}

/// What each kind knows besides warm_up.
std::vector<std::string> schedule_keys(ScheduleKind kind) {
    switch (kind) {
        case ScheduleKind::constant:
            return {"warm_up"};
        case ScheduleKind::step:
            return {"every", "factor", "warm_up"};
        case ScheduleKind::exponential:
            return {"factor", "warm_up"};
        case ScheduleKind::cosine:
            return {"over", "floor", "warm_up"};
        case ScheduleKind::reduce_on_plateau:
            return {"monitor", "factor", "patience", "min_delta", "cooldown", "floor", "warm_up"};
    }
    return {};
}

Schedule read_schedule_settings(const YamlReader& reader, ScheduleKind kind, const std::string& name,
                                const YAML::Node& node) {
    Schedule schedule;
    schedule.kind = kind;
    bool has_factor = false;
    for (const auto& [key, value] : reader.entries(node, name, schedule_keys(kind))) {
        has_factor |= key == "factor";
        if (key == "factor") schedule.factor = reader.number(value, key, kFactor);
        if (key == "every") schedule.every = read_epoch_count(reader, value, key, 1);
        if (key == "over") schedule.over = read_epoch_count(reader, value, key, 1);
        if (key == "floor") schedule.floor = reader.number(value, key, kFloor);
        if (key == "warm_up") schedule.warm_up = read_epoch_count(reader, value, key, 0);
        if (key == "monitor") schedule.monitor = read_monitor(reader, value);
        if (key == "patience") schedule.patience = read_epoch_count(reader, value, key, 0);
        if (key == "min_delta") schedule.min_delta = reader.number(value, key, kDelta);
        if (key == "cooldown") schedule.cooldown = read_epoch_count(reader, value, key, 0);
    }
    if (kind == ScheduleKind::exponential && !has_factor)
        reader.fail(node,
                    "exponential has no factor; say what the rate is multiplied with after each epoch: "
                    "{{factor: 0.9}}");
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
        if (schedule.kind == ScheduleKind::exponential)
            reader.fail(node, "exponential has no factor; write {{exponential: {{factor: 0.9}}}}");
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
    for (const auto& [key, value] :
         reader.entries(node, "early_stopping", {"monitor", "patience", "min_delta", "restore_best"})) {
        if (key == "monitor") stop.monitor = read_monitor(reader, value);
        if (key == "patience") stop.patience = read_epoch_count(reader, value, key, 0);
        if (key == "min_delta") stop.min_delta = reader.number(value, key, kDelta);
        if (key == "restore_best") stop.restore_best = reader.boolean(value, key);
    }
    if (stop.none())
        reader.fail(node,
                    "early_stopping has no patience; say after how many epochs without improvement a training "
                    "ends: {{patience: 3}}");
    return stop;
}

Schedule spread_over(Schedule schedule, int epochs) {
    if (schedule.kind == ScheduleKind::cosine && schedule.over == 0)
        schedule.over = std::max(epochs - schedule.warm_up, 1);
    return schedule;
}

}  // namespace thaw
