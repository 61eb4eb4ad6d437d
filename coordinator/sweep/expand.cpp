#include "coordinator/sweep/expand.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/sweep/draw.hpp"
#include "coordinator/sweep/rules.hpp"
#include "coordinator/sweep/source_text.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostTrials = 100'000'000;  // even with `force`: more would not fit in memory

void check_count(const Sweep& sweep, std::size_t count, bool force) {
    if (count > kMostTrials)
        throw error_at(sweep.source, {}, fmt::format("more than {} trials; use fewer axes or values", kMostTrials));
    if (count > kManyTrials && !force)
        throw error_at(
            sweep.source, {},
            fmt::format("{} trials, more than {}; if that is what you want, pass --force", count, kManyTrials));
}

std::vector<Point> grid_points(const Sweep& sweep, ValueTable& table, Canonical& canonical, bool force,
                               Expansion& expansion) {
    Grid grid(first_box(sweep, table));
    expansion.excluded = apply_rules(sweep, table, grid);
    check_count(sweep, grid.count(), force);
    std::vector<Point> points = grid.points();
    for (Point& point : points) canonical.settle(point);
    if (!std::is_sorted(points.begin(), points.end())) std::sort(points.begin(), points.end());
    const auto end = std::unique(points.begin(), points.end());
    expansion.merged = static_cast<std::size_t>(points.end() - end);
    points.erase(end, points.end());
    return points;
}

std::vector<Point> drawn_points(const Sweep& sweep, ValueTable& table, Canonical& canonical, bool force,
                                Expansion& expansion) {
    check_count(sweep, sweep.search.random->trials, force);
    return draw_points(sweep, table, canonical, expansion.excluded);
}

}  // namespace

Expansion expand(const Sweep& sweep, const DepthResolver& resolve, bool force) {
    ValueTable table(sweep);
    Canonical canonical(sweep, table, resolve);
    Expansion expansion;
    const auto points_of = sweep.search.random ? drawn_points : grid_points;
    const std::vector<Point> points = points_of(sweep, table, canonical, force, expansion);
    expansion.trials.reserve(points.size());
    for (const Point& point : points) expansion.trials.push_back(canonical.trial(point));
    return expansion;
}

}  // namespace thaw
