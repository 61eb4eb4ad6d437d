// Distributions that a random search draws from: how sweep files spell them, and what a random number becomes.
#pragma once

#include <cstdint>
#include <optional>

#include "coordinator/sweep/axes.hpp"

namespace thaw {

/// Whether the value of this axis says how to draw, rather than which values there are.
bool is_distribution(const AxisKind& kind, const YAML::Node& node);

/// {uniform: [low, high]} or {log_uniform: [low, high]} or {choice: [values]}. Of a choice only that it is one: its
/// list is read as any other list of values.
Distribution read_distribution(const AxisContext& context, const AxisKind& kind, const YAML::Node& node);

/// A value of the range. Whole numbers: those from low to high, of log_uniform rounded to the nearest. Others are
/// rounded to three digits, so that tables can be read and no machine's logarithm matters.
Setting draw(const Distribution& range, std::uint64_t bits);

/// A number from 0 to count - 1.
std::uint64_t pick(std::uint64_t bits, std::uint64_t count);

/// Whether the value lies in the range.
bool may_be_drawn(const Distribution& range, const Setting& value);

/// How many values a range of whole numbers has; none for other ranges.
std::optional<std::uint64_t> value_count(const Distribution& range);

}  // namespace thaw
