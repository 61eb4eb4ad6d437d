// The axes of trials as the results have them: columns are written, listed, compared and shown by the table's rows.
#pragma once

#include <array>
#include <string>

#include "common/trial/axis_table.hpp"
#include "common/util/table.hpp"

namespace thaw {

inline constexpr std::size_t kBackboneAxis = axis_of("backbone"), kWeightsAxis = axis_of("weights"),
                             kFreezeAxis = axis_of("freeze"), kHeadAxis = axis_of("head"),
                             kDropoutAxis = axis_of("dropout"), kLearningRateAxis = axis_of("learning_rate"),
                             kSeedAxis = axis_of("seed"), kPrecisionAxis = axis_of("precision"),
                             kFoldAxis = axis_of("fold");
/// Trials that differ only on these axes are one configuration, and are averaged.
constexpr bool is_averaged(std::size_t axis) {
    return kAxes[axis].averaged;
}

/// Whether it goes without saying that a trial has this value.
bool is_unsaid(std::size_t axis, const Cell& value);

/// A trial's values on all axes, in kAxes' order.
using AxisValues = std::array<Cell, kAxes.size()>;
AxisValues values_of(const Trial& trial);

/// The columns of some axes with commas between them, for SQL: all, or those from one to before another.
std::string axis_columns(std::size_t begin = 0, std::size_t end = kAxes.size());

/// The default, in SQL.
std::string usual_sql(const AxisRow& row);
/// What a CREATE TABLE or ADD COLUMN says of the axis.
std::string column_sql(std::size_t axis);

/// Text that leaves room for axes, filled in. Names with commas between them: {axes} that there always were, with
/// frozen_layers and cut; {later_axes}; both also as {axes but averaged}, {axes but epochs} and {help of axes}, a line
/// for each; {averaged axes' names}, quoted. {axis_points}: a SELECT for each. {columns A..B}, {columns after A}: of
/// CREATE TABLE, with commas behind or before them.
std::string with_axes(std::string text);

}  // namespace thaw
