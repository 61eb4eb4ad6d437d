#include "coordinator/sweep/grid.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
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

bool any_row_matches(const Dimension& dimension, const AxisValues& matching) {
    const std::size_t width = dimension.axes.size();
    for (std::size_t at = column_of(dimension, matching.axis); at < dimension.values.size(); at += width)
        if (std::binary_search(matching.values.begin(), matching.values.end(), dimension.values[at])) return true;
    return false;
}

/// The rows that do not match (first) and those that do.
std::pair<Dimension, Dimension> split_rows(const Dimension& dimension, const AxisValues& matching) {
    const std::size_t width = dimension.axes.size(), column = column_of(dimension, matching.axis);
    Dimension others{dimension.axes, {}}, matched{dimension.axes, {}};
    for (std::size_t row = 0; row < dimension.values.size(); row += width) {
        const ValueId value = dimension.values[row + column];
        const bool matches = std::binary_search(matching.values.begin(), matching.values.end(), value);
        Dimension& side = matches ? matched : others;
        for (std::size_t i = 0; i < width; ++i) side.values.push_back(dimension.values[row + i]);
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

/// What of the box matches, if anything does; the rest goes to `others`, in disjoint pieces.
std::optional<Box> matching_part(Box box, const std::vector<AxisValues>& matching, std::vector<Box>& others) {
    const bool may_match = std::all_of(matching.begin(), matching.end(), [&](const AxisValues& condition) {
        return any_row_matches(dimension_of(box, condition.axis), condition);
    });
    if (!may_match) {  // most boxes, for most rules: before anything is copied
        others.push_back(std::move(box));
        return std::nullopt;
    }
    Box rest = box;
    std::vector<Box> pieces;  // each fails another of the conditions
    for (const AxisValues& condition : matching) {
        Dimension& dimension = dimension_of(rest, condition.axis);
        auto [failing, passing] = split_rows(dimension, condition);
        if (passing.values.empty()) {  // the conditions on zipped axes hold in no row together
            others.push_back(std::move(box));
            return std::nullopt;
        }
        if (!failing.values.empty()) {
            pieces.push_back(rest);
            dimension_of(pieces.back(), condition.axis) = std::move(failing);
        }
        dimension = std::move(passing);
    }
    std::move(pieces.begin(), pieces.end(), std::back_inserter(others));
    return rest;
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

std::vector<Box> Grid::take(const std::vector<AxisValues>& matching) {
    std::vector<Box> others, matched;
    for (Box& box : boxes_)
        if (std::optional<Box> part = matching_part(std::move(box), matching, others))
            matched.push_back(std::move(*part));
    boxes_ = std::move(others);
    return matched;
}

void Grid::replace(const std::vector<AxisValues>& matching, const std::vector<AxisValues>& then) {
    for (Box& box : take(matching)) {
        for (const AxisValues& values : then) set_axis(box, values);
        boxes_.push_back(std::move(box));
    }
}

std::size_t Grid::drop(const std::vector<AxisValues>& matching) {
    return count_points(take(matching));
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
