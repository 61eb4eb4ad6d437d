#include "coordinator/sweep/draw.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "common/util/random.hpp"
#include "coordinator/sweep/axes.hpp"
#include "coordinator/sweep/distribution.hpp"
#include "coordinator/sweep/rules.hpp"

namespace thaw {
namespace {

constexpr std::uint64_t kAttempts = 1000;         // for one draw
constexpr std::uint64_t kMostListed = 2'000'000;  // points, where those that are left are listed

struct PointHash {
    std::size_t operator()(const Point& point) const {
        std::uint64_t hash = 0;
        for (const ValueId value : point) hash = (hash ^ value) * 0x9e3779b97f4a7c15 + (hash >> 29);
        return hash;
    }
};
using PointSet = std::unordered_set<Point, PointHash>;

bool matches(const Point& point, const std::vector<AxisValues>& conditions) {
    return std::all_of(conditions.begin(), conditions.end(), [&](const AxisValues& condition) {
        return std::binary_search(condition.values.begin(), condition.values.end(), point[condition.axis]);
    });
}

/// The box to draw from. Of folds there is only the first: what is drawn is trained on all of them. Folds that advance
/// with another axis are drawn with it.
Box drawn_box(const Sweep& sweep, const ValueTable& table) {
    Box box = first_box(sweep, table);
    for (Dimension& dimension : box)
        if (dimension.axes.size() == 1 && table.axis(dimension.axes[0]) == axis_id("fold")) dimension.values.resize(1);
    return box;
}

/// One draw after the other, those that `exclude` drops among them.
class Source {
  public:
    Source(const Sweep& sweep, ValueTable& table)
        : seed_(sweep.search.random->seed), table_(table), dimensions_(drawn_box(sweep, table)) {
        for (const Rule& rule : sweep.when) when_.push_back({table.numbered(rule.matching), table.numbered(rule.then)});
        for (const Rule& rule : sweep.exclude) exclude_.push_back(table.numbered(rule.matching));
    }

    /// The given attempt at a draw; none if it is excluded.
    std::optional<Point> draw(std::uint64_t number, std::uint64_t attempt) {
        Point point{};
        for (const Dimension& dimension : dimensions_) draw_dimension(dimension, number, attempt, point);
        for (std::size_t rule = 0; rule < when_.size(); ++rule) {
            if (!matches(point, when_[rule].matching)) continue;
            for (const AxisValues& then : when_[rule].then)
                point[then.axis] = then.values[pick(bits({then.axis}, number, attempt, rule + 1), then.values.size())];
        }
        const bool excluded = std::any_of(exclude_.begin(), exclude_.end(),
                                          [&](const auto& conditions) { return matches(point, conditions); });
        return excluded ? std::nullopt : std::optional(point);
    }

  private:
    struct NumberedRule {
        std::vector<AxisValues> matching, then;
    };

    /// The random bits of axes that are drawn together; `rule` is 0, or the number of the `when` that draws them.
    std::uint64_t bits(const std::vector<std::size_t>& axes, std::uint64_t number, std::uint64_t attempt,
                       std::uint64_t rule = 0) const {
        AxisId first = table_.axis(axes[0]);
        for (const std::size_t axis : axes) first = std::min(first, table_.axis(axis));
        return CounterRandom(seed_, axis_kind(first).name, {number, rule}).bits(attempt);
    }

    void draw_dimension(const Dimension& dimension, std::uint64_t number, std::uint64_t attempt, Point& point) {
        const std::uint64_t random = bits(dimension.axes, number, attempt);
        if (const Distribution* range = table_.range(dimension.axes[0])) {
            const AxisValue value = {thaw::draw(*range, random), range->place};
            point[dimension.axes[0]] = table_.intern(dimension.axes[0], value);
            return;
        }
        const std::size_t width = dimension.axes.size(), row = pick(random, dimension.rows());
        for (std::size_t i = 0; i < width; ++i) point[dimension.axes[i]] = dimension.values[row * width + i];
    }

    const std::uint64_t seed_;
    ValueTable& table_;
    const Box dimensions_;
    std::vector<NumberedRule> when_;
    std::vector<std::vector<AxisValues>> exclude_;
};

/// The box with the values of every range listed; none where that is too long or the values are not whole numbers.
std::optional<Box> listed_box(const Sweep& sweep, ValueTable& table) {
    Box box = drawn_box(sweep, table);
    std::uint64_t points = 1;
    for (const Dimension& dimension : box) {
        const Distribution* range = table.range(dimension.axes[0]);
        const std::optional<std::uint64_t> rows = range ? value_count(*range) : dimension.rows();
        if (!rows || __builtin_mul_overflow(points, *rows, &points) || points > kMostListed) return std::nullopt;
    }
    for (Dimension& dimension : box) {
        const Distribution* range = table.range(dimension.axes[0]);
        if (!range) continue;
        for (std::int64_t value = std::get<std::int64_t>(range->low); dimension.values.size() < *value_count(*range);
             ++value)
            dimension.values.push_back(table.intern(dimension.axes[0], {value, range->place}));
    }
    return box;
}

/// Finds one distinct point after the other.
class Draws {
  public:
    Draws(const Sweep& sweep, ValueTable& table, Canonical& canonical)
        : sweep_(sweep), table_(table), canonical_(canonical), source_(sweep, table) {}

    /// By chance as long as that finds any; then out of the list of what is left.
    Point next(std::uint64_t number) {
        std::uint64_t misses = 0;  // attempts that `exclude` drops
        for (std::uint64_t attempt = 0; !rest_ && attempt < kAttempts; ++attempt) {
            std::optional<Point> point = source_.draw(number, attempt);
            misses += !point;
            if (!point) continue;
            canonical_.settle(*point);
            if (found_.insert(*point).second) {
                excluded_ += misses;
                return *point;
            }
        }
        excluded_ += misses;
        if (!rest_) list_rest(misses);
        if (rest_->empty()) fail_too_few();
        const std::uint64_t bits = CounterRandom(sweep_.search.random->seed, "what is left").bits(number);
        std::swap((*rest_)[pick(bits, rest_->size())], rest_->back());
        const Point point = rest_->back();
        rest_->pop_back();
        found_.insert(point);
        return point;
    }

    std::size_t excluded() const { return excluded_; }

  private:
    void list_rest(std::uint64_t misses) {
        std::optional<Box> box = listed_box(sweep_, table_);
        if (!box) fail_in_vain(misses);
        Grid grid(std::move(*box));
        apply_rules(sweep_, table_, grid);
        if (grid.count() > kMostListed) fail_in_vain(misses);
        PointSet seen = found_;
        rest_.emplace();
        for (Point point : grid.points()) {
            canonical_.settle(point);
            if (seen.insert(point).second) rest_->push_back(point);
        }
    }

    [[noreturn]] void fail_too_few() const {
        const RandomSearch& random = *sweep_.search.random;
        throw error_at(
            sweep_.source, random.place,
            fmt::format("{} trials to draw, but the axes have only {} distinct ones; ask for at most that many",
                        random.trials, found_.size()));
    }

    [[noreturn]] void fail_in_vain(std::uint64_t misses) const {
        const RandomSearch& random = *sweep_.search.random;
        const bool by_rule = misses > kAttempts / 2;
        throw error_at(
            sweep_.source, by_rule ? sweep_.exclude[0].place : random.place,
            fmt::format("{} draws in a row gave no new trial, since {}; {} of {} were found before. {}", kAttempts,
                        by_rule ? "`exclude` drops almost everything" : "almost all that the axes can give is drawn",
                        found_.size(), random.trials,
                        by_rule ? "Give the axes only values that may stay" : "Ask for fewer, or widen the axes"));
    }

    const Sweep& sweep_;
    ValueTable& table_;
    Canonical& canonical_;
    Source source_;
    PointSet found_;
    std::optional<std::vector<Point>> rest_;  // what was not drawn, once that is listed
    std::size_t excluded_ = 0;
};

}  // namespace

std::vector<Point> draw_points(const Sweep& sweep, ValueTable& table, Canonical& canonical, std::size_t& excluded) {
    Draws draws(sweep, table, canonical);
    const std::size_t fold = table.position(axis_id("fold"));
    const bool zipped = std::any_of(sweep.zips.begin(), sweep.zips.end(), [](const Zip& zip) {
        return std::find(zip.axes.begin(), zip.axes.end(), axis_id("fold")) != zip.axes.end();
    });
    std::vector<Point> points;
    for (std::size_t number = 0; number < sweep.search.random->trials; ++number) {
        points.push_back(draws.next(number));
        for (std::size_t i = 1; i < table.own_values(fold).size() && !zipped; ++i) {
            points.push_back(points.back());
            points.back()[fold] = table.own_values(fold)[i];
        }
    }
    excluded += draws.excluded();
    return points;
}

}  // namespace thaw
