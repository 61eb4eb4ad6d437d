// The points of a sweep as few boxes (products of value lists), so that a rule costs by the box and not by the point.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "coordinator/sweep/sweep.hpp"

namespace thaw {

/// A value of an axis, by its number.
using ValueId = std::uint32_t;

/// One value an axis, axes in the order of the sweep file.
using Point = std::array<ValueId, kAxisCount>;

/// Axes that advance together (most often just one) and the values they take, row by row.
struct Dimension {
    std::vector<std::size_t> axes;  // ascending
    std::vector<ValueId> values;    // [rows, axes]
    std::size_t rows() const { return values.size() / axes.size(); }
};

/// All combinations of one row of each dimension; every axis is in one dimension. Ordered by first axis.
using Box = std::vector<Dimension>;

struct AxisValues {
    std::size_t axis = 0;
    std::vector<ValueId> values;  // ascending
};

class Grid {
  public:
    explicit Grid(Box box) : boxes_{std::move(box)} {}

    /// Where a point has one of the values on each axis of `matching`, the axes of `then` take all their values.
    void replace(const std::vector<AxisValues>& matching, const std::vector<AxisValues>& then);
    /// Drops the points that match; how many those are.
    std::size_t drop(const std::vector<AxisValues>& matching);
    /// Number of points; the largest std::size_t if there are more.
    std::size_t count() const;
    /// Rows in all boxes: the memory that the grid takes.
    std::size_t rows() const;
    /// In ascending order; equal ones if `replace` made some.
    std::vector<Point> points() const;

  private:
    /// Removes the points that match and returns them.
    std::vector<Box> take(const std::vector<AxisValues>& matching);

    std::vector<Box> boxes_;
};

}  // namespace thaw
