// Limits of a number, for checks and for words; and an interval that is a setting.
#pragma once

namespace thaw {

struct Range {
    double low = 0;
    bool low_included = true;
    double high = 0;
    bool high_included = true;
};

/// What a factor is drawn from.
struct FactorRange {
    double low = 1, high = 1;
    bool operator==(const FactorRange&) const = default;
};

}  // namespace thaw
