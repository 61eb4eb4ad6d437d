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

std::uint8_t to_byte(float value) {
    return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

/// One row, BGR to RGB: each output pixel sums its taps, three channels at a time.
void filter_row(const std::uint8_t* bgr, const std::vector<Taps>& columns, std::vector<Float4>& scratch,
                std::uint8_t* rgb) {
    const int begin = columns.front().first;
    const int end = columns.back().first + static_cast<int>(columns.back().weights.size());
    for (int x = begin; x < end; ++x) {
        const std::uint8_t* pixel = bgr + std::size_t{3} * static_cast<std::size_t>(x);
        scratch[static_cast<std::size_t>(x)] =
            Float4{static_cast<float>(pixel[2]), static_cast<float>(pixel[1]), static_cast<float>(pixel[0]), 0};
    }
    for (const Taps& taps : columns) {
        const Float4* input = scratch.data() + taps.first;
        Float4 sum{};
        for (std::size_t k = 0; k < taps.weights.size(); ++k) sum += input[k] * taps.weights[k];
        for (int channel = 0; channel < 3; ++channel) *rgb++ = to_byte(sum[channel]);
    }
}

/// Across, then down, with bytes between the two, as PIL does; only the rows and columns that are wanted.
void filter(const BgrImage& image, const Axis& across, const Axis& down, Interpolation interpolation,
            std::uint8_t* out) {
    const std::vector<Taps> columns = filter_taps(across, interpolation), rows = filter_taps(down, interpolation);
    const int begin = rows.front().first;
    const int end = rows.back().first + static_cast<int>(rows.back().weights.size());
    const std::size_t row_bytes = 3 * static_cast<std::size_t>(across.size);
    std::vector<Float4> scratch(static_cast<std::size_t>(image.width));
    std::vector<std::uint8_t> narrowed(static_cast<std::size_t>(end - begin) * row_bytes);
    for (int y = begin; y < end; ++y)
        filter_row(image.pixels + static_cast<std::size_t>(y) * image.stride, columns, scratch,
                   narrowed.data() + static_cast<std::size_t>(y - begin) * row_bytes);
    std::vector<float> sums(row_bytes);
    for (const Taps& taps : rows) {
        std::ranges::fill(sums, 0.0f);
        const std::uint8_t* input = narrowed.data() + static_cast<std::size_t>(taps.first - begin) * row_bytes;
        for (const float weight : taps.weights) {
            for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += weight * static_cast<float>(input[i]);
            input += row_bytes;
        }
        for (std::size_t i = 0; i < row_bytes; ++i) out[i] = to_byte(sums[i]);
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

void pick_nearest(const BgrImage& image, const Axis& across, const Axis& down, std::uint8_t* out) {
    const std::vector<int> columns = nearest_pixels(across);
    for (int y : nearest_pixels(down)) {
        const std::uint8_t* row = image.pixels + static_cast<std::size_t>(y) * image.stride;
        for (int x : columns)
            for (int channel = 2; channel >= 0; --channel) *out++ = row[3 * x + channel];
    }
}

void average_area(const BgrImage& image, const Axis& across, const Axis& down, std::uint8_t* out) {
    const cv::Mat source(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.pixels), image.stride);
    cv::Mat whole;
    cv::resize(source, whole, {across.full, down.full}, 0, 0, cv::INTER_AREA);
    cv::Mat wanted(down.size, across.size, CV_8UC3, out);
    cv::cvtColor(whole({across.start, down.start, across.size, down.size}), wanted, cv::COLOR_BGR2RGB);
}

/// The centre `size` of a side of `input` pixels stretched to `full`; torchvision rounds halves to even.
Axis centre(int input, int full, int size) {
    return {input, full, static_cast<int>(std::nearbyint((full - size) / 2.0)), size};
}

}  // namespace

void resize_image(const BgrImage& image, const DecodeOptions& options, std::uint8_t* out) {
    const int size = options.image_size;
    Axis across{image.width, size, 0, size}, down{image.height, size, 0, size};
    if (options.resize == ResizeMethod::crop) {
        const auto longer = [&](int input, int shorter) {
            return static_cast<int>(static_cast<std::int64_t>(size) * input / shorter);
        };
        if (image.width > image.height) across = centre(image.width, longer(image.width, image.height), size);
        if (image.height > image.width) down = centre(image.height, longer(image.height, image.width), size);
    }
    switch (options.interpolation) {
        case Interpolation::nearest:
            return pick_nearest(image, across, down, out);
        case Interpolation::area:
            return average_area(image, across, down, out);
        case Interpolation::bilinear:
        case Interpolation::bicubic:
            return filter(image, across, down, options.interpolation, out);
    }
}

}  // namespace thaw
