#include "worker/data/augment.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>
#include <vector>

#include "common/util/random.hpp"
#include "worker/data/resize.hpp"

namespace thaw {
namespace {

/// Which random number each parameter takes: a further range leaves the others' draws as they are.
enum Draw : std::uint64_t { kTheta, kTx, kTy, kShear, kZx, kZy, kFlipH, kFlipV, kChannel, kBrightness, kCrop = 16 };

double between(double low, double high, double uniform) {
    return low + (high - low) * uniform;
}

/// torchvision's RandomResizedCrop: ten attempts, then the largest crop in the middle whose ratio is allowed.
Transform::Crop draw_crop(const Augment& augment, const CounterRandom& random, int size) {
    constexpr std::uint64_t kAttempts = 10, kNumbers = 4;
    const double area = static_cast<double>(size) * size;
    for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
        const std::uint64_t at = kCrop + attempt * kNumbers;
        const double target = area * between(augment.crop_scale.low, augment.crop_scale.high, random.uniform(at));
        const double ratio = std::exp(
            between(std::log(augment.crop_ratio.low), std::log(augment.crop_ratio.high), random.uniform(at + 1)));
        const int width = static_cast<int>(std::nearbyint(std::sqrt(target * ratio)));
        const int height = static_cast<int>(std::nearbyint(std::sqrt(target / ratio)));
        if (width < 1 || height < 1 || width > size || height > size) continue;
        return {static_cast<int>(random.uniform(at + 3) * (size - width + 1)),
                static_cast<int>(random.uniform(at + 2) * (size - height + 1)), width, height};
    }
    int width = size, height = size;
    if (augment.crop_ratio.low > 1) height = static_cast<int>(std::nearbyint(size / augment.crop_ratio.low));
    if (augment.crop_ratio.high < 1) width = static_cast<int>(std::nearbyint(size * augment.crop_ratio.high));
    return {(size - width) / 2, (size - height) / 2, width, height};
}

using Floats = float __attribute__((vector_size(16)));  // the channels of a pixel, and one more
using Ints = std::int32_t __attribute__((vector_size(16)));

/// Reads one byte behind the pixel.
Floats pixel_at(const std::uint8_t* pixel) {
    std::uint32_t word = 0;
    std::memcpy(&word, pixel, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
    const Ints channels = {static_cast<int>(word & 255), static_cast<int>(word >> 8 & 255),
                           static_cast<int>(word >> 16 & 255), 0};
    return __builtin_convertvector(channels, Floats);
}

/// Of values below 2^22, halves to even: adding so large a number leaves no bits behind the point.
Ints rounded(Floats values) {
    constexpr float kWholeFrom = 0x1.8p23F;
    return std::bit_cast<Ints>(values + kWholeFrom) - std::bit_cast<std::int32_t>(kWholeFrom);
}

Floats blend(Floats a, Floats b, float weight) {
    return a + (b - a) * weight;
}

/// Two neighbouring places along an axis, and how much the second counts.
struct Neighbours {
    int first, second;
    float weight;
};

/// Where scipy.ndimage looks for what lies outside.
Neighbours neighbours(double at, int size, FillMode mode) {
    const int last = size - 1;
    if (mode == FillMode::nearest) at = std::clamp(at, 0.0, static_cast<double>(last));
    if (mode == FillMode::wrap) {  // the last pixel and the first lie on one another
        if (at < 0)
            at += last * (std::floor(-at / last) + 1);
        else if (at > last)
            at -= last * std::floor(at / last);
    }
    const double below = std::floor(at);
    const auto weight = static_cast<float>(at - below);
    const auto place = [&](double whole) {
        if (mode != FillMode::reflect) return static_cast<int>(std::clamp(whole, 0.0, static_cast<double>(last)));
        const double period = 2.0 * size, folded = whole - period * std::floor(whole / period);
        return static_cast<int>(folded < size ? folded : period - 1 - folded);
    };
    return {place(below), place(below + 1), weight};
}

/// The input seen through an affine map, a row of the output at a time.
class Movement {
  public:
    Movement(const Transform& transform, int size, const std::uint8_t* in)
        : transform_(transform), size_(size), in_(in), outside_(Floats{} + static_cast<float>(transform.cval)) {
        constexpr double kDegree = std::numbers::pi / 180;
        const double cosine = std::cos(transform.theta * kDegree), sine = std::sin(transform.theta * kDegree);
        const double lean = -std::sin(transform.shear * kDegree), upright = std::cos(transform.shear * kDegree);
        xx_ = cosine * transform.zx;
        xy_ = (cosine * lean - sine * upright) * transform.zy;
        yx_ = sine * transform.zx;
        yy_ = (sine * lean + cosine * upright) * transform.zy;
        const double centre = size / 2.0 - 0.5;
        x_ = cosine * transform.tx - sine * transform.ty + centre - (xx_ + xy_) * centre;
        y_ = sine * transform.tx + cosine * transform.ty + centre - (yx_ + yy_) * centre;
    }

    /// `use(column, value)` for each pixel of an output row.
    template <typename Use>
    void row(int y, const Use& use) const {
        const double x0 = x_ + xy_ * y, y0 = y_ + yy_ * y;
        const double last = size_ - 1;
        for (int column = 0; column < size_; ++column) {
            const double from_x = x0 + xx_ * column, from_y = y0 + yx_ * column;
            const bool inside = from_x >= 0 && from_x < last && from_y >= 0 && from_y < last;
            use(column, inside ? value_inside(from_x, from_y) : value(from_x, from_y));
        }
    }

  private:
    const std::uint8_t* at(int x, int y) const { return in_ + 3 * (static_cast<std::ptrdiff_t>(y) * size_ + x); }

    Floats value_inside(double from_x, double from_y) const {
        const int x = static_cast<int>(from_x), y = static_cast<int>(from_y);
        const std::uint8_t* above = at(x, y);
        const std::uint8_t* below = above + static_cast<std::ptrdiff_t>(3) * size_;
        if (x + 2 == size_ && y + 2 == size_) return value(from_x, from_y);  // nothing lies behind the last pixel
        const auto right = static_cast<float>(from_x - x), down = static_cast<float>(from_y - y);
        return blend(blend(pixel_at(above), pixel_at(above + 3), right),
                     blend(pixel_at(below), pixel_at(below + 3), right), down);
    }

    Floats value(double from_x, double from_y) const {
        const double last = size_ - 1;
        if (transform_.fill_mode == FillMode::constant && (from_x < 0 || from_y < 0 || from_x > last || from_y > last))
            return outside_;
        const Neighbours x = neighbours(from_x, size_, transform_.fill_mode);
        const Neighbours y = neighbours(from_y, size_, transform_.fill_mode);
        const auto channels = [&](int column, int row) {
            const std::uint8_t* pixel = at(column, row);
            return Floats{static_cast<float>(pixel[0]), static_cast<float>(pixel[1]), static_cast<float>(pixel[2]), 0};
        };
        return blend(blend(channels(x.first, y.first), channels(x.second, y.first), x.weight),
                     blend(channels(x.first, y.second), channels(x.second, y.second), x.weight), y.weight);
    }

    const Transform& transform_;
    int size_;
    const std::uint8_t* in_;
    Floats outside_;
    double xx_, xy_, yx_, yy_, x_, y_;  // input column = xx * column + xy * row + x; input row likewise
};

/// The input as it stands, in the manner of Movement.
class NoMovement {
  public:
    NoMovement(int size, const std::uint8_t* in) : size_(size), in_(in) {}

    template <typename Use>
    void row(int y, const Use& use) const {
        const std::uint8_t* pixel = in_ + static_cast<std::ptrdiff_t>(3) * size_ * y;
        for (int column = 0; column < size_; ++column, pixel += 3)
            use(column,
                Floats{static_cast<float>(pixel[0]), static_cast<float>(pixel[1]), static_cast<float>(pixel[2]), 0});
    }

  private:
    int size_;
    const std::uint8_t* in_;
};

struct Limits {
    float low = 255, high = 0;
};

template <typename Source>
Limits limits_of(const Source& source, int size) {
    Limits limits;
    for (int y = 0; y < size; ++y)
        source.row(y, [&](int, Floats value) {
            for (int channel = 0; channel < 3; ++channel) {
                limits.low = std::min(limits.low, value[channel]);
                limits.high = std::max(limits.high, value[channel]);
            }
        });
    return limits;
}

/// What becomes of a grey level, as PIL's ImageEnhance.Brightness has it.
std::array<std::uint8_t, 256> brightness_table(double factor) {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t level = 0; level < table.size(); ++level)
        table[level] =
            static_cast<std::uint8_t>(std::clamp(static_cast<float>(factor) * static_cast<float>(level), 0.0F, 255.0F));
    return table;
}

/// Hands each output pixel's place and value to `write`, with the channels shifted.
template <typename Source, typename Write>
void each_pixel(const Source& source, const Transform& transform, int size, std::uint8_t* out, const Write& write) {
    const std::ptrdiff_t step = transform.flip_horizontal ? -3 : 3;
    const auto shift = static_cast<float>(transform.channel_shift.value_or(0));
    const Limits limits = transform.channel_shift ? limits_of(source, size) : Limits{};
    for (int y = 0; y < size; ++y) {
        const int row = transform.flip_vertical ? size - 1 - y : y;
        std::uint8_t* begin = out + static_cast<std::ptrdiff_t>(3) * size * row;
        if (transform.flip_horizontal) begin += 3 * (size - 1);
        source.row(y, [&](int column, Floats value) {
            if (transform.channel_shift)
                for (int channel = 0; channel < 3; ++channel)
                    value[channel] = std::clamp(value[channel] + shift, limits.low, limits.high);
            write(begin + step * column, value);
        });
    }
}

template <typename Source>
void finish(const Source& source, const Transform& transform, int size, std::uint8_t* out) {
    if (!transform.brightness) {
        each_pixel(source, transform, size, out, [](std::uint8_t* pixel, Floats value) {
            const Ints whole = rounded(value);
            for (int channel = 0; channel < 3; ++channel) pixel[channel] = static_cast<std::uint8_t>(whole[channel]);
        });
        return;
    }
    const auto table = brightness_table(*transform.brightness);
    each_pixel(source, transform, size, out, [&](std::uint8_t* pixel, Floats value) {
        for (int channel = 0; channel < 3; ++channel) pixel[channel] = table[static_cast<std::uint8_t>(value[channel])];
    });
}

}  // namespace

Transform draw(const Augment& augment, std::uint64_t seed, int epoch, std::string_view image, int size) {
    const CounterRandom random(seed, "augment " + std::string(image), {static_cast<std::uint64_t>(epoch)});
    const auto each_way = [&](double range, Draw at) {
        return range == 0 ? 0 : between(-range, range, random.uniform(at));
    };
    const auto within = [&](const FactorRange& range, Draw at) {
        return between(range.low, range.high, random.uniform(at));
    };
    const FactorRange none;
    Transform transform;
    if (augment.crop_scale != none) transform.crop = draw_crop(augment, random, size);
    transform.theta = each_way(augment.rotation_range, kTheta);
    transform.tx = each_way(augment.width_shift_range, kTx) * size;
    transform.ty = each_way(augment.height_shift_range, kTy) * size;
    transform.shear = each_way(augment.shear_range, kShear);
    if (augment.zoom_range != none) {
        transform.zx = within(augment.zoom_range, kZx);
        transform.zy = within(augment.zoom_range, kZy);
    }
    transform.flip_horizontal = augment.horizontal_flip && random.uniform(kFlipH) < 0.5;
    transform.flip_vertical = augment.vertical_flip && random.uniform(kFlipV) < 0.5;
    if (augment.channel_shift_range != 0) transform.channel_shift = each_way(augment.channel_shift_range, kChannel);
    if (augment.brightness_range != none) transform.brightness = within(augment.brightness_range, kBrightness);
    transform.fill_mode = augment.fill_mode;
    transform.cval = augment.cval;
    return transform;
}

void apply(const Transform& transform, int size, const std::uint8_t* in, std::uint8_t* out) {
    thread_local std::vector<std::uint8_t> cropped;
    if (transform.crop) {
        const auto stride = static_cast<std::size_t>(3) * static_cast<std::size_t>(size);
        cropped.resize(stride * static_cast<std::size_t>(size));
        const Transform::Crop& crop = *transform.crop;
        resize_image({in + static_cast<std::size_t>(crop.top) * stride + static_cast<std::size_t>(3 * crop.left),
                      crop.width, crop.height, stride},
                     {.image_size = size}, cropped.data());
        in = cropped.data();
    }
    if (transform.moves())
        finish(Movement(transform, size, in), transform, size, out);
    else
        finish(NoMovement(size, in), transform, size, out);
}

}  // namespace thaw
