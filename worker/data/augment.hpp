// Random changes of training images, with the names and the meaning of Keras' ImageDataGenerator: what is drawn for an
// image in an epoch, and how it is carried out on 8-bit pixels.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/trial/augment.hpp"

namespace thaw {

/// To be raised with every change that changes a pixel of a changed image.
inline constexpr const char* kAugmentVersion = "1";

/// One draw. The output's pixel at (column x, row y), both from the centre, is the input's at
/// R(theta) * (T(tx, ty) * (S(shear) * (Z(zx, zy) * (x, y)))), as in Keras' apply_affine_transform. In Keras,
/// height_shift_range is what moves along tx, and tx moves columns; here each range does what its name says.
struct Transform {
    struct Crop {
        int left = 0, top = 0, width = 0, height = 0;  // pixels
        bool operator==(const Crop&) const = default;
    };
    std::optional<Crop> crop;             // before all else, brought to the image's size
    double theta = 0, shear = 0;          // degrees
    double tx = 0, ty = 0;                // pixels, of columns and of rows
    double zx = 1, zy = 1;                // below 1 they enlarge
    std::optional<double> channel_shift;  // grey levels; no value leaves the range that the image has
    bool flip_horizontal = false, flip_vertical = false;
    std::optional<double> brightness;  // a factor
    FillMode fill_mode = FillMode::nearest;
    double cval = 0;

    bool moves() const { return theta != 0 || shear != 0 || tx != 0 || ty != 0 || zx != 1 || zy != 1; }
    bool operator==(const Transform&) const = default;
};

/// What becomes of an image of `size` pixels squared when it is drawn the `epoch`-th time (from 1; view v of a fixed
/// number of views is draw v + 1). A function of the arguments alone: `image` is the fingerprint of its content.
Transform draw(const Augment& augment, std::uint64_t seed, int epoch, std::string_view image, int size);

/// Carries it out as Keras' apply_transform does, with bilinear interpolation, and rounds to 8 bits. [size, size, 3],
/// from `in` to `out`, which do not overlap. A brightness goes through whole grey levels and cuts them off, as PIL's
/// does.
void apply(const Transform& transform, int size, const std::uint8_t* in, std::uint8_t* out);

}  // namespace thaw
