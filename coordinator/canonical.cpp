#include "coordinator/canonical.hpp"

#include "coordinator/axes.hpp"
#include "coordinator/read_training_control.hpp"

namespace thaw {
namespace {

/// Value numbers as one key; a file has at most 100,000 values, so 20 bits hold each.
std::uint64_t key(ValueId a, ValueId b, ValueId c = 0) {
    return std::uint64_t{a} << 40 | std::uint64_t{b} << 20 | c;
}

}  // namespace

void Canonical::settle(Point& point) {
    const Depth& depth = depth_of(point);
    point[table_.position(AxisId::freeze)] = depth.spelling;
    point[table_.position(AxisId::until)] = base_of(point).spelling;
    ValueId& dropout = point[table_.position(AxisId::dropout)];
    dropout = dropout_of(point);
    ValueId& schedule = point[table_.position(AxisId::schedule)];
    schedule = schedule_of(point);
    if (has_frozen_pass(depth.depth.cut)) return;
    ValueId& precision = point[table_.position(AxisId::precision)];
    if (!idle_precision_) idle_precision_ = precision;
    precision = *idle_precision_;
}

Trial Canonical::trial(const Point& point) {
    Trial trial;
    for (const AxisKind& kind : axis_kinds()) kind.assign(trial, table_.value(kind.id, point).setting);
    trial.folds = sweep_.data.split.folds;
    const FreezeDepth depth = depth_of(point).depth;
    trial.base_layers = base_of(point).layers;
    trial.frozen_layers = depth.frozen_layers;
    trial.cut = depth.cut;
    if (!has_frozen_pass(depth.cut)) trial.precision = Precision::float32;
    trial.schedule = spread_over(trial.schedule, trial.epochs);
    return trial;
}

template <typename Resolve>
auto Canonical::resolved(AxisId axis, const Point& point, const Resolve& resolve) const {
    const AxisValue& value = table_.value(axis, point);
    const AxisValue& backbone = table_.value(AxisId::backbone, point);
    const std::string& name = std::get<std::string>(backbone.setting);
    const auto size = std::get<std::int64_t>(table_.value(AxisId::image_size, point).setting);
    try {
        return resolve(name, std::get<std::string>(value.setting), static_cast<int>(size));
    } catch (const UserError& error) {
        throw error_at(sweep_.source, value.place ? value.place : backbone.place,
                       fmt::format("with backbone {} at {} pixels: {}", name, size, error.what()));
    }
}

const Canonical::Base& Canonical::base_of(const Point& point) {
    const ValueId backbone = id(AxisId::backbone, point), size = id(AxisId::image_size, point),
                  until = id(AxisId::until, point);
    const auto [entry, is_new] = bases_.try_emplace(key(backbone, size, until));
    if (is_new) {
        const int layers = resolved(AxisId::until, point, resolve_.base_layers);
        const Base base{layers, until, distinct_.size()};
        entry->second = distinct_.try_emplace(key(backbone, size, static_cast<ValueId>(layers)), base).first->second;
    }
    return entry->second;
}

const Canonical::Depth& Canonical::depth_of(const Point& point) {
    const ValueId freeze = id(AxisId::freeze, point);
    const Base& base = base_of(point);
    const auto [entry, is_new] = depths_.try_emplace(base.number << 20 | freeze);
    if (is_new) {
        entry->second.depth = resolved(AxisId::freeze, point, [&](const auto& backbone, const auto& text, int size) {
            return resolve_.freeze(backbone, text, size, base.layers);
        });
        const auto frozen = static_cast<std::uint64_t>(entry->second.depth.frozen_layers);
        entry->second.spelling = spellings_.try_emplace(base.number << 20 | frozen, freeze).first->second;
    }
    return entry->second;
}

ValueId Canonical::dropout_of(const Point& point) {
    const ValueId head = id(AxisId::head, point), dropout = id(AxisId::dropout, point);
    const auto [entry, is_new] = dropouts_.try_emplace(key(head, dropout));
    if (is_new) {
        const std::vector<double> rates = dropout_rates(point);
        auto& seen = rates_[head];
        entry->second = seen.try_emplace(setting_text(rates), dropout).first->second;
    }
    return entry->second;
}

ValueId Canonical::schedule_of(const Point& point) {
    const ValueId schedule = id(AxisId::schedule, point), epochs = id(AxisId::epochs, point);
    const auto [entry, is_new] = schedules_.try_emplace(key(schedule, epochs), schedule);
    if (is_new) {
        const auto& written = std::get<Schedule>(table_.value(AxisId::schedule, point).setting);
        const auto asked = std::get<std::int64_t>(table_.value(AxisId::epochs, point).setting);
        const std::string curve = setting_text(spread_over(written, static_cast<int>(asked)));
        entry->second = curves_[epochs].try_emplace(curve, schedule).first->second;
    }
    return entry->second;
}

std::vector<double> Canonical::dropout_rates(const Point& point) const {
    const AxisValue& dropout = table_.value(AxisId::dropout, point);
    const Head& head = std::get<Head>(table_.value(AxisId::head, point).setting);
    Trial trial;
    trial.head = head;
    axis_kind(AxisId::dropout).assign(trial, dropout.setting);
    if (trial.dropout.size() != head.widths.size())
        throw error_at(
            sweep_.source, dropout.place,
            fmt::format("dropout {} has {} rates, head {} has {} hidden layers; give one rate for all "
                        "layers or one for each",
                        setting_text(dropout.setting), trial.dropout.size(), setting_text(head), head.widths.size()));
    return trial.dropout;
}

}  // namespace thaw
