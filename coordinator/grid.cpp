#include "coordinator/grid.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace thaw {
namespace {

constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();

std::size_t count_points(const Box& box) {
    std::size_t product = 1;
    for (const Dimension& dimension : box)
        if (__builtin_mul_overflow(product, dimension.rows(), &product)) return kMost;
    return product;
}

std::size_t count_points(const std::vector<Box>& boxes) {
    std::size_t sum = 0;
    for (const Box& box : boxes)
        if (__builtin_add_overflow(sum, count_points(box), &sum)) return kMost;
    return sum;
}

Dimension& dimension_of(Box& box, std::size_t axis) {
    return *std::find_if(box.begin(), box.end(), [&](const Dimension& dimension) {
        return std::find(dimension.axes.begin(), dimension.axes.end(), axis) != dimension.axes.end();
    });
}

std::size_t column_of(const Dimension& dimension, std::size_t axis) {
    return static_cast<std::size_t>(std::find(dimension.axes.begin(), dimension.axes.end(), axis) -
                                    dimension.axes.begin());
}

/// The rows that do not match (first) and those that do.
std::pair<Dimension, Dimension> split_rows(const Dimension& dimension, const AxisValues& matching) {
    const std::size_t width = dimension.axes.size(), column = column_of(dimension, matching.axis);
    const std::set<ValueId> wanted(matching.values.begin(), matching.values.end());
    Dimension others{dimension.axes, {}}, matched{dimension.axes, {}};
    for (auto row = dimension.values.begin(); row != dimension.values.end();
         row += static_cast<std::ptrdiff_t>(width)) {
        Dimension& side = wanted.contains(row[static_cast<std::ptrdiff_t>(column)]) ? matched : others;
        side.values.insert(side.values.end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
    return {std::move(others), std::move(matched)};
}

/// The dimension without one of its axes; rows that become equal are one.
Dimension without_axis(const Dimension& dimension, std::size_t axis) {
    const std::size_t width = dimension.axes.size(), column = column_of(dimension, axis);
    Dimension rest;
    for (const std::size_t other : dimension.axes)
        if (other != axis) rest.axes.push_back(other);
    std::set<std::vector<ValueId>> seen;
    for (std::size_t row = 0; row < dimension.rows(); ++row) {
        std::vector<ValueId> values(dimension.values.begin() + static_cast<std::ptrdiff_t>(row * width),
                                    dimension.values.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
        values.erase(values.begin() + static_cast<std::ptrdiff_t>(column));
        if (seen.insert(values).second) rest.values.insert(rest.values.end(), values.begin(), values.end());
    }
    return rest;
}

void set_axis(Box& box, const AxisValues& values) {
    Dimension& dimension = dimension_of(box, values.axis);
    if (dimension.axes.size() == 1) {
        dimension.values = values.values;
        return;
    }
    dimension = without_axis(dimension, values.axis);
    box.push_back({{values.axis}, values.values});
    std::sort(box.begin(), box.end(), [](const Dimension& a, const Dimension& b) { return a.axes[0] < b.axes[0]; });
}

void append_points(const Box& box, std::vector<Point>& points) {
    std::vector<std::size_t> row(box.size(), 0);
    Point point{};
    const auto load = [&](std::size_t d) {
        const std::size_t width = box[d].axes.size();
        for (std::size_t i = 0; i < width; ++i) point[box[d].axes[i]] = box[d].values[row[d] * width + i];
    };
    for (std::size_t d = 0; d < box.size(); ++d) load(d);
    for (;;) {
        points.push_back(point);
        std::size_t d = box.size();
        while (d > 0 && ++row[d - 1] == box[d - 1].rows()) {
            row[d - 1] = 0;
            load(--d);
        }
        if (d == 0) return;
        load(d - 1);
    }
}

}  // namespace

std::pair<std::vector<Box>, std::vector<Box>> Grid::split(const std::vector<AxisValues>& matching) {
    std::vector<Box> others, matched;
    for (Box& box : boxes_) {
        Box rest = box;
        std::vector<Box> pieces;  // of the box, disjoint: each fails another of the conditions
        bool matches = true;
        for (const AxisValues& condition : matching) {
            Dimension& dimension = dimension_of(rest, condition.axis);
            auto [failing, passing] = split_rows(dimension, condition);
            matches = !passing.values.empty();
            if (!matches) break;
            if (!failing.values.empty()) {
                pieces.push_back(rest);
                dimension_of(pieces.back(), condition.axis) = std::move(failing);
            }
            dimension = std::move(passing);
        }
        if (!matches) {
            others.push_back(std::move(box));
            continue;
        }
        std::move(pieces.begin(), pieces.end(), std::back_inserter(others));
        matched.push_back(std::move(rest));
    }
    return {std::move(others), std::move(matched)};
}

void Grid::replace(const std::vector<AxisValues>& matching, const std::vector<AxisValues>& then) {
    auto [others, matched] = split(matching);
    for (Box& box : matched)
        for (const AxisValues& values : then) set_axis(box, values);
    boxes_ = std::move(others);
    std::move(matched.begin(), matched.end(), std::back_inserter(boxes_));
}

std::size_t Grid::drop(const std::vector<AxisValues>& matching) {
    auto [others, matched] = split(matching);
    boxes_ = std::move(others);
    return count_points(matched);
}

std::size_t Grid::count() const {
    return count_points(boxes_);
}

std::size_t Grid::rows() const {
    std::size_t rows = 0;
    for (const Box& box : boxes_)
        for (const Dimension& dimension : box) rows += dimension.rows();
    return rows;
}

std::vector<Point> Grid::points() const {
    std::vector<Point> points;
    points.reserve(count());
    for (const Box& box : boxes_) append_points(box, points);
    if (!std::is_sorted(points.begin(), points.end())) std::sort(points.begin(), points.end());
    return points;
}

}  // namespace thaw
