// The `augment:` words of a sweep: which random changes training images go through, and how often they are drawn.
#pragma once

#include <array>
#include <span>
#include <string>

#include "common/util/names.hpp"
#include "common/util/settings.hpp"

namespace thaw {

/// What stands outside the frame of a moved image; Keras' words.
enum class FillMode { nearest, reflect, constant, wrap };

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

inline constexpr int kMostViews = 1000;

/// How often, then what, in the order of names for people.
inline constexpr auto kAugmentSettings = std::to_array<SettingRow<Augment>>({
    {"views", &Augment::views, {1, true, kMostViews, true}},
    {"fresh", &Augment::fresh},
    {"rotation_range", &Augment::rotation_range, {0, true, 180, true}, "Degrees, each way."},
    {"width_shift_range", &Augment::width_shift_range, {0, true, 1, false}, "Fraction of the width, each way."},
    {"height_shift_range", &Augment::height_shift_range, {0, true, 1, false}, "Fraction of the height, each way."},
    {"shear_range", &Augment::shear_range, {0, true, 90, false}, "Degrees, each way."},
    {"zoom_range",
     &Augment::zoom_range,
     {0, false, 10, true},
     "A number z means [1 - z, 1 + z]; below 1 images grow.",
     true},
    {"brightness_range", &Augment::brightness_range, {0, true, 10, true}, "Factors."},
    {"channel_shift_range",
     &Augment::channel_shift_range,
     {0, true, 255, true},
     "Grey levels, each way, of all channels together."},
    {"horizontal_flip", &Augment::horizontal_flip},
    {"vertical_flip", &Augment::vertical_flip},
    {"fill_mode", kWords<&Augment::fill_mode>, {}, "What stands outside a moved image."},
    {"cval", &Augment::cval, {0, true, 255, true}, "The grey level of fill_mode: constant."},
    {"crop_scale",
     &Augment::crop_scale,
     {0, false, 1, true},
     "Random resized crop, before all else: share of the area."},
    {"crop_ratio",
     &Augment::crop_ratio,
     {0, false, 100, true},
     "Of the crop's width to its height; default: [0.75, 1.333]."},
});
inline constexpr std::size_t kFirstImageChange = 2;  // among them

inline std::span<const SettingRow<Augment>> setting_rows(const Augment&) {
    return kAugmentSettings;
}

/// "none", or "views=4 rotation_range=10 horizontal_flip": how often, and all that differs from the defaults.
std::string augment_name(const Augment& augment);

}  // namespace thaw
