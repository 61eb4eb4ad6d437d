#include "worker/data/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace thaw {
namespace {

using Float4 = float __attribute__((vector_size(16)));

/// One axis of a resize: `input` pixels become `full`, of which [start, start + size) are wanted.
struct Axis {
    int input, full, start, size;
};

/// The inputs [first, first + weights.size()) that make up one output pixel.
struct Taps {
    int first;
    std::vector<float> weights;
    int end() const { return first + static_cast<int>(weights.size()); }
};

double triangle(double x) {
    return std::max(0.0, 1.0 - std::abs(x));
}

double cubic(double x) {
    constexpr double a = -0.5;
    x = std::abs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

/// PIL's weights: when shrinking, the filter widens by the factor, so that every input pixel counts.
std::vector<Taps> filter_taps(const Axis& axis, Interpolation interpolation) {
    const bool bicubic = interpolation == Interpolation::bicubic;
    const double scale = static_cast<double>(axis.input) / axis.full;
    const double widening = std::max(scale, 1.0);
    const double support = (bicubic ? 2.0 : 1.0) * widening;
    std::vector<Taps> all;
    for (int i = axis.start; i < axis.start + axis.size; ++i) {
        const double centre = (i + 0.5) * scale;
        const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
        const int end = std::min(static_cast<int>(centre + support + 0.5), axis.input);
        std::vector<double> weights;
        double sum = 0;
        for (int x = first; x < end; ++x) {
            const double position = (x - centre + 0.5) / widening;
            weights.push_back(bicubic ? cubic(position) : triangle(position));
            sum += weights.back();
        }
        Taps taps{first, {}};
        for (double weight : weights) taps.weights.push_back(static_cast<float>(weight / sum));
        all.push_back(std::move(taps));
    }
    return all;
}

// The loops below are written for the vectorizer: plain arrays, and four floats at once where three channels matter.

void to_floats(const std::uint8_t* bytes, std::size_t count, float* floats) {
    for (std::size_t i = 0; i < count; ++i) floats[i] = static_cast<float>(bytes[i]);
}

void narrow_to_bytes(const float* floats, std::size_t count, std::uint8_t* bytes) {
    for (std::size_t i = 0; i < count; ++i) {
        const float rounded = floats[i] + 0.5f;
        const float positive = rounded > 0.0f ? rounded : 0.0f;
        bytes[i] = static_cast<std::uint8_t>(static_cast<int>(positive < 255.0f ? positive : 255.0f));
    }
}

/// One row of pixels of three floats, each of which is followed by at least one float more: the fourth lane is read and
/// written, but means nothing.
void filter_row(const float* input, const std::vector<Taps>& columns, float* output) {
    for (const Taps& taps : columns) {
        const float* pixel = input + std::ptrdiff_t{3} * taps.first;
        Float4 sum{};
        for (const float weight : taps.weights) {
            Float4 value;
            std::memcpy(&value, pixel, sizeof value);
            sum += value * weight;
            pixel += 3;
        }
        std::memcpy(output, &sum, sizeof sum);
        output += 3;
    }
}

/// Across, then down, with bytes between the two, as PIL does; only the rows and columns that are wanted.
void filter(const RgbImage& image, const Axis& across, const Axis& down, Interpolation interpolation,
            std::uint8_t* out) {
    const std::vector<Taps> columns = filter_taps(across, interpolation), rows = filter_taps(down, interpolation);
    const int begin = rows.front().first, end = rows.back().end();
    const std::size_t first_column = 3 * static_cast<std::size_t>(columns.front().first);
    const std::size_t column_count = 3 * static_cast<std::size_t>(columns.back().end()) - first_column;
    const std::size_t row_bytes = 3 * static_cast<std::size_t>(across.size);
    std::vector<float> input(3 * static_cast<std::size_t>(image.width) + 1), sums(row_bytes + 1);
    std::vector<std::uint8_t> narrowed(static_cast<std::size_t>(end - begin) * row_bytes);
    for (int y = begin; y < end; ++y) {
        const std::uint8_t* row = image.pixels + static_cast<std::size_t>(y) * image.stride;
        to_floats(row + first_column, column_count, input.data() + first_column);
        filter_row(input.data(), columns, sums.data());
        narrow_to_bytes(sums.data(), row_bytes, narrowed.data() + static_cast<std::size_t>(y - begin) * row_bytes);
    }
    for (const Taps& taps : rows) {
        std::ranges::fill(sums, 0.0f);
        const std::uint8_t* row = narrowed.data() + static_cast<std::size_t>(taps.first - begin) * row_bytes;
        for (const float weight : taps.weights) {
            for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += weight * static_cast<float>(row[i]);
            row += row_bytes;
        }
        narrow_to_bytes(sums.data(), row_bytes, out);
        out += row_bytes;
    }
}

/// The input pixel that PIL picks for each output pixel; it steps by addition, rounding errors and all.
std::vector<int> nearest_pixels(const Axis& axis) {
    const double step = static_cast<double>(axis.input) / axis.full;
    std::vector<int> picked;
    double position = step * 0.5;
    for (int i = 0; i < axis.start + axis.size; ++i, position += step)
        if (i >= axis.start) picked.push_back(std::min(static_cast<int>(position), axis.input - 1));
    return picked;
}

void pick_nearest(const RgbImage& image, const Axis& across, const Axis& down, std::uint8_t* out) {
    const std::vector<int> columns = nearest_pixels(across);
    for (int y : nearest_pixels(down)) {
        const std::uint8_t* row = image.pixels + static_cast<std::size_t>(y) * image.stride;
        for (int x : columns)
            for (int channel = 0; channel < 3; ++channel) *out++ = row[3 * x + channel];
    }
}

void average_area(const RgbImage& image, const Axis& across, const Axis& down, std::uint8_t* out) {
    const cv::Mat source(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.pixels), image.stride);
    cv::Mat whole;
    cv::resize(source, whole, {across.full, down.full}, 0, 0, cv::INTER_AREA);
    whole({across.start, down.start, across.size, down.size}).copyTo(cv::Mat(down.size, across.size, CV_8UC3, out));
}

/// The centre `size` of a side of `input` pixels stretched to `full`; torchvision rounds halves to even.
Axis centre(int input, int full, int size) {
    return {input, full, static_cast<int>(std::nearbyint((full - size) / 2.0)), size};
}

void resize(const RgbImage& image, const Axis& across, const Axis& down, Interpolation interpolation,
            std::uint8_t* out) {
    switch (interpolation) {
        case Interpolation::nearest:
            return pick_nearest(image, across, down, out);
        case Interpolation::area:
            return average_area(image, across, down, out);
        case Interpolation::bilinear:
        case Interpolation::bicubic:
            return filter(image, across, down, interpolation, out);
    }
}

/// The whole picture in the middle of black.
void pad(const RgbImage& image, int size, Interpolation interpolation, std::uint8_t* out) {
    const auto side = [&](int input, int longer) {
        return std::max(1, static_cast<int>(std::nearbyint(static_cast<double>(input) / longer * size)));
    };
    const int longer = std::max(image.width, image.height);
    const int width = side(image.width, longer), height = side(image.height, longer);
    const std::size_t row_bytes = 3 * static_cast<std::size_t>(width), out_bytes = 3 * static_cast<std::size_t>(size);
    std::vector<std::uint8_t> whole(row_bytes * static_cast<std::size_t>(height));
    resize(image, {image.width, width, 0, width}, {image.height, height, 0, height}, interpolation, whole.data());
    std::fill_n(out, out_bytes * static_cast<std::size_t>(size), std::uint8_t{0});
    const auto left = static_cast<std::size_t>(std::nearbyint((size - width) / 2.0));
    const auto top = static_cast<std::size_t>(std::nearbyint((size - height) / 2.0));
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
        std::copy_n(whole.data() + y * row_bytes, row_bytes, out + (top + y) * out_bytes + 3 * left);
}

}  // namespace

void resize_image(const RgbImage& image, const DecodeOptions& options, std::uint8_t* out) {
    const int size = options.image_size;
    if (options.resize == ResizeMethod::pad) return pad(image, size, options.interpolation, out);
    Axis across{image.width, size, 0, size}, down{image.height, size, 0, size};
    if (options.resize == ResizeMethod::crop) {
        const auto longer = [&](int input, int shorter) {
            return static_cast<int>(static_cast<std::int64_t>(size) * input / shorter);
        };
        if (image.width > image.height) across = centre(image.width, longer(image.width, image.height), size);
        if (image.height > image.width) down = centre(image.height, longer(image.height, image.width), size);
    }
    resize(image, across, down, options.interpolation, out);
}

}  // namespace thaw
