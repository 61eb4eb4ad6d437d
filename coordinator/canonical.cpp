#include "coordinator/canonical.hpp"

#include "coordinator/axes.hpp"

namespace thaw {
namespace {

/// Value numbers as one key; a file has at most 100,000 values, so 20 bits hold each.
std::uint64_t key(ValueId a, ValueId b, ValueId c = 0) {
    return std::uint64_t{a} << 40 | std::uint64_t{b} << 20 | c;
}

}  // namespace

void Canonical::settle(Point& point) {
    ValueId& freeze = point[table_.position(AxisId::freeze)];
    const Depth& depth = depth_of(point);
    freeze = depth.spelling;
    ValueId& dropout = point[table_.position(AxisId::dropout)];
    dropout = dropout_of(point);
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
    trial.frozen_layers = depth.frozen_layers;
    trial.cut = depth.cut;
    if (!has_frozen_pass(depth.cut)) trial.precision = Precision::float32;
    return trial;
}

const Canonical::Depth& Canonical::depth_of(const Point& point) {
    const ValueId backbone = id(AxisId::backbone, point), size = id(AxisId::image_size, point),
                  freeze = id(AxisId::freeze, point);
    const auto [entry, is_new] = depths_.try_emplace(key(backbone, size, freeze));
    if (is_new) {
        entry->second.depth = resolve(point);
        const int frozen = entry->second.depth.frozen_layers;
        entry->second.spelling =
            spellings_.try_emplace(key(backbone, size, static_cast<ValueId>(frozen)), freeze).first->second;
    }
    return entry->second;
}

FreezeDepth Canonical::resolve(const Point& point) const {
    const AxisValue& freeze = table_.value(AxisId::freeze, point);
    const AxisValue& backbone = table_.value(AxisId::backbone, point);
    const std::string& name = std::get<std::string>(backbone.setting);
    const auto size = std::get<std::int64_t>(table_.value(AxisId::image_size, point).setting);
    try {
        return resolve_(name, std::get<std::string>(freeze.setting), static_cast<int>(size));
    } catch (const UserError& error) {
        throw error_at(sweep_.source, freeze.place ? freeze.place : backbone.place,
                       fmt::format("with backbone {} at {} pixels: {}", name, size, error.what()));
    }
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
