// Brings the spellings of one trial together: freeze depths written in two ways, dropout rates that nothing reads, the
// precision of no layers, cosines that end with the trial without or with saying so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial.hpp"
#include "coordinator/value_table.hpp"

namespace thaw {

/// What a `freeze:` means on a backbone at an image size; throws UserError where it means nothing.
using FreezeResolver =
    std::function<FreezeDepth(const std::string& backbone, const std::string& freeze, int image_size)>;

class Canonical {
  public:
    Canonical(const Sweep& sweep, const ValueTable& table, const FreezeResolver& resolve)
        : sweep_(sweep), table_(table), resolve_(resolve) {}

    /// Replaces values by those of the same trial that were met first.
    void settle(Point& point);
    Trial trial(const Point& point);

  private:
    struct Depth {
        FreezeDepth depth;
        ValueId spelling = 0;  // of the values with this depth the first met
    };

    ValueId id(AxisId axis, const Point& point) const { return point[table_.position(axis)]; }
    const Depth& depth_of(const Point& point);
    FreezeDepth resolve(const Point& point) const;
    ValueId dropout_of(const Point& point);
    ValueId schedule_of(const Point& point);
    std::vector<double> dropout_rates(const Point& point) const;

    const Sweep& sweep_;
    const ValueTable& table_;
    const FreezeResolver& resolve_;
    std::unordered_map<std::uint64_t, Depth> depths_;       // by backbone, image size, freeze
    std::unordered_map<std::uint64_t, ValueId> spellings_;  // by backbone, image size, frozen layers
    std::unordered_map<std::uint64_t, ValueId> dropouts_;   // by head, dropout
    std::unordered_map<ValueId, std::unordered_map<std::string, ValueId>> rates_;  // by head, then by rates
    std::unordered_map<std::uint64_t, ValueId> schedules_;                         // by schedule, epochs
    // By epochs, then by what the schedule comes to with them.
    std::unordered_map<ValueId, std::unordered_map<std::string, ValueId>> curves_;
    std::optional<ValueId> idle_precision_;  // the first met where nothing is forwarded
};

}  // namespace thaw
