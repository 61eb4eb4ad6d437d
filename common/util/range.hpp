// Limits of a number, for checks and for words.
#pragma once

namespace thaw {

struct Range {
    double low = 0;
    bool low_included = true;
    double high = 0;
    bool high_included = true;
};

}  // namespace thaw
