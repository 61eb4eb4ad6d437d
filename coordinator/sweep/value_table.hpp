// The values of a sweep's axes, numbered, so that points are compared and hashed as a few numbers.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/sweep/grid.hpp"
#include "coordinator/sweep/sweep.hpp"

namespace thaw {

/// The axes in the file's order, those it leaves out after them; each with its distinct values, numbered.
class ValueTable {
  public:
    explicit ValueTable(const Sweep& sweep);

    std::size_t position(AxisId id) const { return position_[index(id)]; }
    AxisId axis(std::size_t position) const { return order_[position]; }
    const AxisValue& value(std::size_t position, ValueId id) const { return values_[position][id]; }
    const AxisValue& value(AxisId id, const Point& point) const { return value(position(id), point[position(id)]); }
    std::size_t value_count(std::size_t position) const { return values_[position].size(); }
    /// The axis' own values, where no rule changes them; none where it is drawn from a range.
    const std::vector<ValueId>& own_values(std::size_t position) const { return own_[position]; }
    /// Where the axis is drawn from a range: that range.
    const Distribution* range(std::size_t position) const;

    /// The number of the value, a new one if it is new.
    ValueId intern(std::size_t position, const AxisValue& value);
    /// A rule's axes; throws UserError for values that no trial has.
    std::vector<AxisValues> numbered(const std::vector<Axis>& axes);

  private:
    static std::size_t index(AxisId id) { return static_cast<std::size_t>(id); }

    void add_axis(AxisId id);
    /// Numbers the values that are new; returns the numbers of all.
    std::vector<ValueId> intern(const Axis& axis);
    ValueId find(AxisId id, const AxisValue& value);
    std::string values_text(std::size_t position, const AxisValue& wanted) const;

    const Sweep& sweep_;
    std::array<std::size_t, kAxisCount> position_;
    std::vector<AxisId> order_;
    std::array<std::vector<AxisValue>, kAxisCount> values_;
    std::array<std::unordered_map<std::string, ValueId>, kAxisCount> ids_;
    std::vector<std::vector<ValueId>> own_;
};

/// The box that the axes and zips span, before any rule. The dimension of an axis drawn from a range is empty.
Box first_box(const Sweep& sweep, const ValueTable& table);

}  // namespace thaw
