// Brings the spellings of one trial together: freeze depths written in two ways, dropout rates that nothing reads, the
// precision of no layers, the mode of no batch-norms, cosines that end with the trial without or with saying so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/backbones/layer_graph.hpp"
#include "common/trial/trial.hpp"
#include "coordinator/sweep/value_table.hpp"

namespace thaw {

/// What an `until:` and a `freeze:` mean on a backbone at an image size; they throw UserError where they mean nothing.
struct DepthResolver {
    std::function<int(const std::string& backbone, const std::string& until, int image_size)> base_layers;
    std::function<FreezeDepth(const std::string& backbone, const std::string& freeze, int image_size, int base_layers)>
        freeze;
};

class Canonical {
  public:
    Canonical(const Sweep& sweep, const ValueTable& table, const DepthResolver& resolve)
        : sweep_(sweep), table_(table), resolve_(resolve) {}

    /// Replaces values by those of the same trial that were met first.
    void settle(Point& point);
    Trial trial(const Point& point);

  private:
    struct Base {
        int layers = 0;            // Trial::base_layers
        ValueId spelling = 0;      // of the values of `until` with this base the first met
        std::uint64_t number = 0;  // among the distinct (backbone, image size, layers)
    };
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
    const Base& base_of(const Point& point);
    const Depth& depth_of(const Point& point);
    /// Calls resolve(backbone, text, image size) for a text that stands at `place`; an error of its gets that place.
    template <typename Resolve>
    auto resolved(const std::string& text, Place place, const Point& point, const Resolve& resolve) const;
    FreezeDepth freeze_depth(const std::string& freeze, Place place, const Point& point);
    const Phases& phases_of(const Point& point);
    Phases resolve_phases(const Point& point);
    ValueId dropout_of(const Point& point);
    ValueId schedule_of(const Point& point);
    std::vector<double> dropout_rates(const Point& point) const;

    const Sweep& sweep_;
    const ValueTable& table_;
    const DepthResolver& resolve_;
    std::unordered_map<std::uint64_t, Base> bases_;         // by backbone, image size, until
    std::unordered_map<std::uint64_t, Base> distinct_;      // by backbone, image size, base layers
    std::unordered_map<std::uint64_t, Depth> depths_;       // by base, freeze
    std::unordered_map<std::uint64_t, ValueId> spellings_;  // by base, frozen layers
    std::unordered_map<std::uint64_t, ValueId> dropouts_;   // by head, dropout
    std::unordered_map<ValueId, std::unordered_map<std::string, ValueId>> rates_;  // by head, then by rates
    std::map<std::vector<ValueId>, Phases> phases_;                                // by all that decides them
    std::map<std::string, ValueId> phases_spellings_;                              // by what they are, beside what
    std::unordered_map<std::uint64_t, ValueId> schedules_;                         // by schedule, epochs
    // By epochs, then by what the schedule comes to with them.
    std::unordered_map<ValueId, std::unordered_map<std::string, ValueId>> curves_;
    std::optional<ValueId> idle_precision_;   // the first met where nothing is forwarded
    std::optional<ValueId> idle_batch_norm_;  // the first met where none is trained
};

}  // namespace thaw
