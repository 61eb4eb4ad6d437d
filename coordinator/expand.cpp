#include "coordinator/expand.hpp"

#include <algorithm>
#include <unordered_map>

#include "coordinator/axes.hpp"
#include "coordinator/grid.hpp"

namespace thaw {
namespace {

constexpr std::size_t kMostTrials = 100'000'000;  // even with `force`: more would not fit in memory
constexpr std::size_t kMostRows = 10'000'000;

/// The axes in the file's order, those it leaves out after them; each with its distinct values, numbered.
class ValueTable {
  public:
    explicit ValueTable(const Sweep& sweep) : sweep_(sweep) {
        for (const Axis& axis : sweep.axes) add_axis(axis.id);
        for (const AxisKind& kind : axis_kinds())
            if (position_[index(kind.id)] == kAxisCount) add_axis(kind.id);
        for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis) own_.push_back(intern(sweep.axes[axis]));
        while (own_.size() < kAxisCount) {
            const AxisKind& kind = axis_kind(order_[own_.size()]);
            own_.push_back(intern({kind.id, {{kind.usual, {}}}, {}}));
        }
        for (const Rule& rule : sweep.when)
            for (const Axis& axis : rule.then) intern(axis);
    }

    std::size_t position(AxisId id) const { return position_[index(id)]; }
    AxisId axis(std::size_t position) const { return order_[position]; }
    const AxisValue& value(std::size_t position, ValueId id) const { return values_[position][id]; }
    const AxisValue& value(AxisId id, const Point& point) const { return value(position(id), point[position(id)]); }
    const std::vector<ValueId>& own_values(std::size_t position) const { return own_[position]; }

    std::vector<AxisValues> numbered(const std::vector<Axis>& axes) const {
        std::vector<AxisValues> result;
        for (const Axis& axis : axes) {
            result.push_back({position(axis.id), {}});
            std::vector<ValueId>& ids = result.back().values;
            for (const AxisValue& value : axis.values) ids.push_back(find(axis.id, value));
            std::sort(ids.begin(), ids.end());
        }
        return result;
    }

  private:
    static std::size_t index(AxisId id) { return static_cast<std::size_t>(id); }

    void add_axis(AxisId id) {
        position_[index(id)] = order_.size();
        order_.push_back(id);
    }

    /// Numbers the values that are new; returns the numbers of all.
    std::vector<ValueId> intern(const Axis& axis) {
        const std::size_t at = position(axis.id);
        std::vector<ValueId> ids;
        for (const AxisValue& value : axis.values) {
            const auto [entry, is_new] =
                ids_[at].emplace(setting_text(value.setting), static_cast<ValueId>(values_[at].size()));
            if (is_new) values_[at].push_back(value);
            ids.push_back(entry->second);
        }
        return ids;
    }

    ValueId find(AxisId id, const AxisValue& value) const {
        const std::size_t at = position(id);
        const std::string text = setting_text(value.setting);
        const auto entry = ids_[at].find(text);
        if (entry != ids_[at].end()) return entry->second;
        std::vector<std::string> there;
        for (const AxisValue& candidate : values_[at]) there.push_back(setting_text(candidate.setting));
        const bool is_word = std::holds_alternative<std::string>(value.setting);
        const std::string near = is_word ? did_you_mean(text, there) : "";
        there.resize(std::min<std::size_t>(there.size(), 20));
        throw error_at(
            sweep_.source, value.place,
            fmt::format("no trial has {} {}{}; there are: {}", axis_kind(id).name, text, near, fmt::join(there, ", ")));
    }

    const Sweep& sweep_;
    std::array<std::size_t, kAxisCount> position_ = [] {
        std::array<std::size_t, kAxisCount> none{};
        none.fill(kAxisCount);
        return none;
    }();
    std::vector<AxisId> order_;
    std::array<std::vector<AxisValue>, kAxisCount> values_;
    std::array<std::unordered_map<std::string, ValueId>, kAxisCount> ids_;
    std::vector<std::vector<ValueId>> own_;  // the values of each axis where no rule changes them
};

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

/// Brings points that are the same trial to one spelling, and knows each trial's freeze depth.
class Canonical {
  public:
    Canonical(const Sweep& sweep, const ValueTable& table, const FreezeResolver& resolve)
        : sweep_(sweep), table_(table), resolve_(resolve) {}

    void settle(Point& point) {
        ValueId& freeze = point[table_.position(AxisId::freeze)];
        freeze = depth_of(point).spelling;
        ValueId& dropout = point[table_.position(AxisId::dropout)];
        dropout = dropout_of(point);
    }

    Trial trial(const Point& point) {
        Trial trial;
        for (const AxisKind& kind : axis_kinds()) kind.assign(trial, table_.value(kind.id, point).setting);
        const FreezeDepth depth = depth_of(point).depth;
        trial.frozen_layers = depth.frozen_layers;
        trial.cut = depth.cut;
        return trial;
    }

  private:
    struct Depth {
        FreezeDepth depth;
        ValueId spelling = 0;  // of the values with this depth the first met
    };

    ValueId id(AxisId axis, const Point& point) const { return point[table_.position(axis)]; }

    /// Value numbers as one key; a file has at most 100,000 values, so 20 bits hold each.
    static std::uint64_t key(ValueId a, ValueId b, ValueId c = 0) {
        return std::uint64_t{a} << 40 | std::uint64_t{b} << 20 | c;
    }

    const Depth& depth_of(const Point& point) {
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

    FreezeDepth resolve(const Point& point) const {
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

    ValueId dropout_of(const Point& point) {
        const ValueId head = id(AxisId::head, point), dropout = id(AxisId::dropout, point);
        const auto [entry, is_new] = dropouts_.try_emplace(key(head, dropout));
        if (is_new) {
            const std::vector<double> rates = dropout_rates(point);
            auto& seen = rates_[head];
            entry->second = seen.try_emplace(setting_text(rates), dropout).first->second;
        }
        return entry->second;
    }

    std::vector<double> dropout_rates(const Point& point) const {
        const AxisValue& dropout = table_.value(AxisId::dropout, point);
        const Head& head = std::get<Head>(table_.value(AxisId::head, point).setting);
        Trial trial;
        trial.head = head;
        axis_kind(AxisId::dropout).assign(trial, dropout.setting);
        if (trial.dropout.size() != head.widths.size())
            throw error_at(sweep_.source, dropout.place,
                           fmt::format("dropout {} has {} rates, head {} has {} hidden layers; give one rate for all "
                                       "layers or one for each",
                                       setting_text(dropout.setting), trial.dropout.size(), setting_text(head),
                                       head.widths.size()));
        return trial.dropout;
    }

    const Sweep& sweep_;
    const ValueTable& table_;
    const FreezeResolver& resolve_;
    std::unordered_map<std::uint64_t, Depth> depths_;       // by backbone, image size, freeze
    std::unordered_map<std::uint64_t, ValueId> spellings_;  // by backbone, image size, frozen layers
    std::unordered_map<std::uint64_t, ValueId> dropouts_;   // by head, dropout
    std::unordered_map<ValueId, std::unordered_map<std::string, ValueId>> rates_;  // by head, then by rates
};

void check_rows(const Sweep& sweep, const Grid& grid, const Rule& rule) {
    if (grid.rows() > kMostRows)
        throw error_at(
            sweep.source, rule.place,
            "up to this rule, `when` and `exclude` cut the sweep into too many pieces; use fewer or broader rules");
}

void check_count(const Sweep& sweep, std::size_t count, bool force) {
    if (count > kMostTrials)
        throw error_at(sweep.source, {}, fmt::format("more than {} trials; use fewer axes or values", kMostTrials));
    if (count > kManyTrials && !force)
        throw error_at(
            sweep.source, {},
            fmt::format("{} trials, more than {}; if that is what you want, pass --force", count, kManyTrials));
}

}  // namespace

Expansion expand(const Sweep& sweep, const FreezeResolver& resolve, bool force) {
    const ValueTable table(sweep);
    Grid grid(first_box(sweep, table));
    Expansion expansion;
    for (const Rule& rule : sweep.when) {
        grid.replace(table.numbered(rule.matching), table.numbered(rule.then));
        check_rows(sweep, grid, rule);
    }
    for (const Rule& rule : sweep.exclude) {
        expansion.excluded += grid.drop(table.numbered(rule.matching));
        check_rows(sweep, grid, rule);
        if (grid.count() == 0)
            throw error_at(sweep.source, rule.place,
                           "with this rule, `exclude` drops every trial; nothing is left to run");
    }
    check_count(sweep, grid.count(), force);

    std::vector<Point> points = grid.points();
    Canonical canonical(sweep, table, resolve);
    for (Point& point : points) canonical.settle(point);
    if (!std::is_sorted(points.begin(), points.end())) std::sort(points.begin(), points.end());
    const auto end = std::unique(points.begin(), points.end());
    expansion.merged = static_cast<std::size_t>(points.end() - end);
    points.erase(end, points.end());
    expansion.trials.reserve(points.size());
    for (const Point& point : points) expansion.trials.push_back(canonical.trial(point));
    return expansion;
}

}  // namespace thaw
