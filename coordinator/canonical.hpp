// Brings the spellings of one trial together: freeze depths written in two ways, dropout rates that nothing reads, the
// precision of no layers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

    /// What comes before the trial's own, with depths.
    struct Phases {
        std::vector<Phase> phases;
        ValueId spelling = 0;  // of the values that mean these beside the same freeze and learning rate the first met
    };

    ValueId id(AxisId axis, const Point& point) const { return point[table_.position(axis)]; }
    const Depth& depth_of(const Point& point);
    FreezeDepth resolve(const Point& point) const;
    FreezeDepth resolve(const Point& point, const std::string& freeze, Place place) const;
    const Phases& phases_of(const Point& point);
    Phases resolve_phases(const Point& point) const;
    ValueId dropout_of(const Point& point);
    std::vector<double> dropout_rates(const Point& point) const;

    const Sweep& sweep_;
    const ValueTable& table_;
    const FreezeResolver& resolve_;
    std::unordered_map<std::uint64_t, Depth> depths_;       // by backbone, image size, freeze
    std::unordered_map<std::uint64_t, ValueId> spellings_;  // by backbone, image size, frozen layers
    std::unordered_map<std::uint64_t, ValueId> dropouts_;   // by head, dropout
    std::unordered_map<ValueId, std::unordered_map<std::string, ValueId>> rates_;  // by head, then by rates
    std::map<std::vector<ValueId>, Phases> phases_;                                // by all that decides them
    std::map<std::string, ValueId> phases_spellings_;                              // by what they are, beside what
    std::optional<ValueId> idle_precision_;  // the first met where nothing is forwarded
};

}  // namespace thaw
