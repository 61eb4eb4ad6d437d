// What says that features computed by an earlier build are still what this one would compute.
#pragma once

namespace thaw {

/// Part of the names of cached features. To be raised with every change of layer graphs, random weights or executors
/// that changes a bit of a feature: FeaturesVersion.IsRaisedWhereBitsChange (tests/worker/network) says so.
inline constexpr const char* kFeaturesVersion = "2";

}  // namespace thaw
