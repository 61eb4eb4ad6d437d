// How EfficientNet and EfficientNet-Lite scale the channels of a layer by the network's width.
#pragma once

#include <algorithm>

namespace thaw {

/// To the nearest multiple of 8, but never down by more than a tenth.
inline int scale_channels(int channels, double width) {
    const double scaled = channels * width;
    const int rounded = std::max(8, static_cast<int>(scaled + 4) / 8 * 8);
    return rounded < 0.9 * scaled ? rounded + 8 : rounded;
}

}  // namespace thaw
