#include "coordinator/sweep/value_table.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "coordinator/sweep/axes.hpp"
#include "coordinator/sweep/distribution.hpp"

namespace thaw {

ValueTable::ValueTable(const Sweep& sweep) : sweep_(sweep) {
    position_.fill(kAxisCount);
    for (const Axis& axis : sweep.axes) add_axis(axis.id);
    for (const AxisKind& kind : axis_kinds())
        if (position_[index(kind.id)] == kAxisCount) add_axis(kind.id);
    for (const Axis& axis : sweep.axes) own_.push_back(intern(axis));
    while (own_.size() < kAxisCount) {
        const AxisKind& kind = axis_kind(order_[own_.size()]);
        own_.push_back({intern(own_.size(), {kind.usual, {}})});
    }
    for (const Rule& rule : sweep.when)
        for (const Axis& axis : rule.then) intern(axis);
}

const Distribution* ValueTable::range(std::size_t position) const {
    const bool has_range = position < sweep_.axes.size() && sweep_.axes[position].is_range();
    return has_range ? &*sweep_.axes[position].distribution : nullptr;
}

std::vector<AxisValues> ValueTable::numbered(const std::vector<Axis>& axes) {
    std::vector<AxisValues> result;
    for (const Axis& axis : axes) {
        result.push_back({position(axis.id), {}});
        std::vector<ValueId>& ids = result.back().values;
        for (const AxisValue& value : axis.values) ids.push_back(find(axis.id, value));
        std::sort(ids.begin(), ids.end());
    }
    return result;
}

void ValueTable::add_axis(AxisId id) {
    position_[index(id)] = order_.size();
    order_.push_back(id);
}

ValueId ValueTable::intern(std::size_t position, const AxisValue& value) {
    const auto [entry, is_new] =
        ids_[position].emplace(setting_text(value.setting), static_cast<ValueId>(values_[position].size()));
    if (is_new) values_[position].push_back(value);
    return entry->second;
}

std::vector<ValueId> ValueTable::intern(const Axis& axis) {
    std::vector<ValueId> ids;
    for (const AxisValue& value : axis.values) ids.push_back(intern(position(axis.id), value));
    return ids;
}

ValueId ValueTable::find(AxisId id, const AxisValue& value) {
    const std::size_t at = position(id);
    const auto entry = ids_[at].find(setting_text(value.setting));
    if (entry != ids_[at].end()) return entry->second;
    if (range(at) && may_be_drawn(*range(at), value.setting)) return intern(at, value);
    throw error_at(
        sweep_.source, value.place,
        fmt::format("no trial has {} {}{}", axis_kind(id).name, setting_text(value.setting), values_text(at, value)));
}

/// For an error: what there is instead of the value wanted.
std::string ValueTable::values_text(std::size_t position, const AxisValue& wanted) const {
    if (const Distribution* drawn = range(position))
        return fmt::format("; it is drawn from {} to {}", setting_text(drawn->low), setting_text(drawn->high));
    std::vector<std::string> there;
    for (const AxisValue& candidate : values_[position]) there.push_back(setting_text(candidate.setting));
    const bool is_word = std::holds_alternative<std::string>(wanted.setting);
    const std::string near = is_word ? did_you_mean(setting_text(wanted.setting), there) : "";
    there.resize(std::min<std::size_t>(there.size(), 20));
    return fmt::format("{}; there are: {}", near, fmt::join(there, ", "));
}

/// The box that the axes and zips span, before any rule.
Box first_box(const Sweep& sweep, const ValueTable& table) {
    Box box;
    std::array<bool, kAxisCount> done{};
    for (std::size_t position = 0; position < kAxisCount; ++position) {
        if (done[position]) continue;
        Dimension dimension{{position}, {}};
        for (const Zip& zip : sweep.zips) {
            if (std::find(zip.axes.begin(), zip.axes.end(), table.axis(position)) == zip.axes.end()) continue;
            dimension.axes.clear();
            for (const AxisId id : zip.axes) dimension.axes.push_back(table.position(id));
            std::sort(dimension.axes.begin(), dimension.axes.end());
        }
        for (std::size_t row = 0; row < table.own_values(position).size(); ++row)
            for (const std::size_t axis : dimension.axes) dimension.values.push_back(table.own_values(axis)[row]);
        for (const std::size_t axis : dimension.axes) done[axis] = true;
        box.push_back(std::move(dimension));
    }
    return box;
}

}  // namespace thaw
