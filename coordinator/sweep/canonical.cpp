#include "coordinator/sweep/canonical.hpp"

#include <algorithm>

#include "common/trial/epoch_rules.hpp"
#include "coordinator/sweep/axes.hpp"

namespace thaw {
namespace {

/// Value numbers as one key; a file has at most 100,000 values, so 20 bits hold each.
std::uint64_t key(ValueId a, ValueId b, ValueId c = 0) {
    return std::uint64_t{a} << 40 | std::uint64_t{b} << 20 | c;
}

bool any_frozen_pass(const std::vector<Phase>& phases) {
    return std::any_of(phases.begin(), phases.end(), [](const Phase& phase) { return has_frozen_pass(phase.cut); });
}

}  // namespace

void Canonical::settle(Point& point) {
    const Depth& depth = depth_of(point);
    point[table_.position(axis_id("freeze"))] = depth.spelling;
    point[table_.position(axis_id("until"))] = base_of(point).spelling;
    ValueId& dropout = point[table_.position(axis_id("dropout"))];
    dropout = dropout_of(point);
    ValueId& schedule = point[table_.position(axis_id("schedule"))];
    schedule = schedule_of(point);
    const Phases& phases = phases_of(point);
    point[table_.position(axis_id("phases"))] = phases.spelling;
    const auto make_first_met = [&](AxisId axis, std::optional<ValueId>& first) {
        ValueId& value = point[table_.position(axis)];
        if (!first) first = value;
        value = *first;
    };
    // Nor does an earlier phase train any, which freezes no less.
    if (!depth.depth.trains_batch_norm) make_first_met(axis_id("batch_norm"), idle_batch_norm_);
    if (!has_frozen_pass(depth.depth.cut) && !any_frozen_pass(phases.phases))
        make_first_met(axis_id("precision"), idle_precision_);
}

Trial Canonical::trial(const Point& point) {
    Trial trial;
    for (const AxisKind& kind : axis_kinds()) kind.assign(trial, table_.value(kind.id, point).setting);
    trial.folds = sweep_.data.split.folds;
    const FreezeDepth depth = depth_of(point).depth;
    trial.base_layers = base_of(point).layers;
    trial.frozen_layers = depth.frozen_layers;
    trial.cut = depth.cut;
    trial.phases = phases_of(point).phases;
    if (!has_frozen_pass(depth.cut) && !any_frozen_pass(trial.phases)) trial.precision = Precision::float32;
    if (!depth.trains_batch_norm) trial.batch_norm = BatchNormMode::train;
    trial.schedule = spread_over(trial.schedule, trial.epochs);
    return trial;
}

template <typename Resolve>
auto Canonical::resolved(const std::string& text, Place place, const Point& point, const Resolve& resolve) const {
    const AxisValue& backbone = table_.value(axis_id("backbone"), point);
    const std::string& name = std::get<std::string>(backbone.setting);
    const auto size = std::get<std::int64_t>(table_.value(axis_id("image_size"), point).setting);
    try {
        return resolve(name, text, static_cast<int>(size));
    } catch (const UserError& error) {
        throw error_at(sweep_.source, place ? place : backbone.place,
                       fmt::format("with backbone {} at {} pixels: {}", name, size, error.what()));
    }
}

const Canonical::Base& Canonical::base_of(const Point& point) {
    const ValueId backbone = id(axis_id("backbone"), point), size = id(axis_id("image_size"), point),
                  until = id(axis_id("until"), point);
    const auto [entry, is_new] = bases_.try_emplace(key(backbone, size, until));
    if (is_new) {
        const AxisValue& value = table_.value(axis_id("until"), point);
        const int layers = resolved(std::get<std::string>(value.setting), value.place, point, resolve_.base_layers);
        const Base base{layers, until, distinct_.size()};
        entry->second = distinct_.try_emplace(key(backbone, size, static_cast<ValueId>(layers)), base).first->second;
    }
    return entry->second;
}

FreezeDepth Canonical::freeze_depth(const std::string& freeze, Place place, const Point& point) {
    const int layers = base_of(point).layers;
    return resolved(freeze, place, point, [&](const auto& backbone, const auto& text, int size) {
        return resolve_.freeze(backbone, text, size, layers);
    });
}

const Canonical::Depth& Canonical::depth_of(const Point& point) {
    const ValueId freeze = id(axis_id("freeze"), point);
    const Base& base = base_of(point);
    const auto [entry, is_new] = depths_.try_emplace(base.number << 20 | freeze);
    if (is_new) {
        const AxisValue& value = table_.value(axis_id("freeze"), point);
        entry->second.depth = freeze_depth(std::get<std::string>(value.setting), value.place, point);
        const auto frozen = static_cast<std::uint64_t>(entry->second.depth.frozen_layers);
        entry->second.spelling = spellings_.try_emplace(base.number << 20 | frozen, freeze).first->second;
    }
    return entry->second;
}

const Canonical::Phases& Canonical::phases_of(const Point& point) {
    const ValueId phases = id(axis_id("phases"), point);
    if (std::get<PhasesSetting>(table_.value(axis_id("phases"), point).setting).empty()) {
        Phases& none = phases_[{phases}];
        none.spelling = phases;
        return none;
    }
    const auto base = static_cast<ValueId>(base_of(point).number);
    const ValueId freeze = depth_of(point).spelling, rate = id(axis_id("learning_rate"), point);
    const auto [entry, is_new] = phases_.try_emplace({base, freeze, rate, phases});
    if (is_new) {
        entry->second = resolve_phases(point);
        std::string meaning = fmt::format("{} {} {}", base, freeze, rate);
        for (const Phase& phase : entry->second.phases)
            meaning += fmt::format(", {} {} {}", phase.frozen_layers, phase.learning_rate, phase.epochs);
        entry->second.spelling = phases_spellings_.try_emplace(meaning, phases).first->second;
    }
    return entry->second;
}

Canonical::Phases Canonical::resolve_phases(const Point& point) {
    const Place place = table_.value(axis_id("phases"), point).place;
    Trial trial;
    for (const AxisId axis : {axis_id("freeze"), axis_id("learning_rate"), axis_id("phases")})
        axis_kind(axis).assign(trial, table_.value(axis, point).setting);
    const auto follows = [&](const Phase& phase, const std::string& freeze, int frozen_layers) {
        if (frozen_layers <= phase.frozen_layers) return;
        throw error_at(
            sweep_.source, place,
            fmt::format("freeze {} after a phase of freeze {}: {} layers, {} of which that phase has trained; "
                        "a later phase may freeze less, not more. Change the one or the other, or leave "
                        "the combination out with `exclude` or `when`",
                        freeze, phase.freeze, frozen_layers, frozen_layers - phase.frozen_layers));
    };
    Phases found;
    for (Phase& phase : trial.phases) {
        const FreezeDepth depth = freeze_depth(phase.freeze, place, point);
        phase.frozen_layers = depth.frozen_layers;
        phase.cut = depth.cut;
        if (!found.phases.empty()) follows(found.phases.back(), phase.freeze, phase.frozen_layers);
        found.phases.push_back(phase);
    }
    follows(found.phases.back(), trial.freeze, depth_of(point).depth.frozen_layers);
    return found;
}

ValueId Canonical::dropout_of(const Point& point) {
    const ValueId head = id(axis_id("head"), point), dropout = id(axis_id("dropout"), point);
    const auto [entry, is_new] = dropouts_.try_emplace(key(head, dropout));
    if (is_new) {
        const std::vector<double> rates = dropout_rates(point);
        auto& seen = rates_[head];
        entry->second = seen.try_emplace(setting_text(rates), dropout).first->second;
    }
    return entry->second;
}

ValueId Canonical::schedule_of(const Point& point) {
    const ValueId schedule = id(axis_id("schedule"), point), epochs = id(axis_id("epochs"), point);
    const auto [entry, is_new] = schedules_.try_emplace(key(schedule, epochs), schedule);
    if (is_new) {
        const auto& written = std::get<Schedule>(table_.value(axis_id("schedule"), point).setting);
        const auto asked = std::get<std::int64_t>(table_.value(axis_id("epochs"), point).setting);
        const std::string curve = setting_text(spread_over(written, static_cast<int>(asked)));
        entry->second = curves_[epochs].try_emplace(curve, schedule).first->second;
    }
    return entry->second;
}

std::vector<double> Canonical::dropout_rates(const Point& point) const {
    const AxisValue& dropout = table_.value(axis_id("dropout"), point);
    const Head& head = std::get<Head>(table_.value(axis_id("head"), point).setting);
    Trial trial;
    trial.head = head;
    axis_kind(axis_id("dropout")).assign(trial, dropout.setting);
    if (trial.dropout.size() != head.widths.size())
        throw error_at(
            sweep_.source, dropout.place,
            fmt::format("dropout {} has {} rates, head {} has {} hidden layers; give one rate for all "
                        "layers or one for each",
                        setting_text(dropout.setting), trial.dropout.size(), setting_text(head), head.widths.size()));
    return trial.dropout;
}

}  // namespace thaw
