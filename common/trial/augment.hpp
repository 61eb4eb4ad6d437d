// The `augment:` words of a sweep: which random changes training images go through, and how often they are drawn.
#pragma once

#include <string>

#include "common/util/names.hpp"

namespace thaw {

/// What stands outside the frame of a moved image; Keras' words.
enum class FillMode { nearest, reflect, constant, wrap };

struct FactorRange {
    double low = 1, high = 1;
    bool operator==(const FactorRange&) const = default;
};

/// Names and meanings are those of Keras' ImageDataGenerator; the defaults change nothing.
struct Augment {
    // Either `views` changed images are made of each training image, once, and epoch e trains on view (e - 1) % views;
    // or every epoch draws anew (`fresh`), as Keras does. Neither: no augmentation.
    int views = 0;
    bool fresh = false;
    double rotation_range = 0;              // degrees, each way
    double width_shift_range = 0;           // fraction of the width, each way
    double height_shift_range = 0;          // fraction of the height, each way
    double shear_range = 0;                 // degrees, each way
    FactorRange zoom_range = {1, 1};        // a number z means [1 - z, 1 + z]
    FactorRange brightness_range = {1, 1};  // factors
    double channel_shift_range = 0;         // grey levels, each way, of all channels together
    bool horizontal_flip = false, vertical_flip = false;
    FillMode fill_mode = FillMode::nearest;
    double cval = 0;  // the grey level of `constant`
    // Random resized crop, before all else: a crop of this share of the area and of this ratio of width to height is
    // brought to the image's size. Scale [1, 1]: there is none.
    FactorRange crop_scale = {1, 1};
    FactorRange crop_ratio = {3.0 / 4, 4.0 / 3};

    bool none() const { return views == 0 && !fresh; }
    bool operator==(const Augment&) const = default;
};

const NameTable<FillMode>& names_of(FillMode);

/// "none", or "views=4 rotation_range=10 horizontal_flip": how often, and all that differs from the defaults.
std::string augment_name(const Augment& augment);

}  // namespace thaw
