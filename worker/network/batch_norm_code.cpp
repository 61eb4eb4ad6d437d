// The kernel's code, compiled once for each instruction set as namespace THAW_INSTRUCTION_SET. It may use nothing that
// the linker could share with files compiled for lesser CPUs: no inline function of a header, no template but its own.
#include "worker/network/batch_norm_kernel.hpp"

namespace thaw {
namespace {

constexpr int kTile = 32;   // channels whose sums stay in the nearest cache
constexpr int kBlock = 64;  // rows that are summed up in Scalar before their sum goes into a double

/// Calls rows(first row, count) block by block, then done() with what they have summed up.
template <typename Rows>
inline void by_blocks(std::int64_t count, const Rows& rows) {
    for (std::int64_t first = 0; first < count; first += kBlock)
        rows(first, count - first < kBlock ? count - first : kBlock);
}

/// Distances are from the first row's values, not from zero: sums of squares then lose no digits to a mean that is
/// large beside them.
template <typename Scalar>
[[gnu::always_inline]] inline void statistics_of_tile(const Scalar* x, MapShape shape, int width, double* mean,
                                                      double* variance) {
    Scalar origin[kTile] = {};
    for (int c = 0; c < width; ++c) origin[c] = x[c];
    double sum[kTile] = {}, squares[kTile] = {};
    by_blocks(shape.rows, [&](std::int64_t first, std::int64_t count) {
        Scalar s[kTile] = {}, q[kTile] = {};
        const Scalar* at = x + first * shape.channels;
        for (std::int64_t row = 0; row < count; ++row, at += shape.channels)
            for (int c = 0; c < width; ++c) {
                const Scalar d = at[c] - origin[c];
                s[c] += d;
                q[c] += d * d;
            }
        for (int c = 0; c < width; ++c) sum[c] += static_cast<double>(s[c]), squares[c] += static_cast<double>(q[c]);
    });
    const auto n = static_cast<double>(shape.rows);
    for (int c = 0; c < width; ++c) {
        const double distance = sum[c] / n;
        const double spread = squares[c] / n - distance * distance;
        mean[c] = static_cast<double>(origin[c]) + distance;
        variance[c] = spread > 0 ? spread : 0;
    }
}

template <typename Scalar>
void statistics(const Scalar* x, MapShape shape, double* mean, double* variance) {
    int c = 0;
    for (; c + kTile <= shape.channels; c += kTile) statistics_of_tile(x + c, shape, kTile, mean + c, variance + c);
    if (c < shape.channels) statistics_of_tile(x + c, shape, shape.channels - c, mean + c, variance + c);
}

template <typename Scalar>
inline Scalar clamped(Scalar value, Scalar low, Scalar high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

template <typename Scalar>
void forward(const Scalar* x, MapShape shape, const ScaleAndClamp<Scalar>& of, Scalar* y) {
    const Scalar* const scale = of.scale;
    const Scalar* const shift = of.shift;
    const Scalar low = of.low, high = of.high;
    for (std::int64_t row = 0; row < shape.rows; ++row, x += shape.channels, y += shape.channels)
        for (int c = 0; c < shape.channels; ++c) y[c] = clamped(x[c] * scale[c] + shift[c], low, high);
}

/// d(loss)/d(y) where the clamp lets it through.
template <typename Scalar>
inline Scalar passed(Scalar dy, Scalar value, Scalar low, Scalar high) {
    return (value > low) & (value < high) ? dy : Scalar(0);
}

template <typename Scalar>
[[gnu::always_inline]] inline void sums_of_tile(const Scalar* x, const Scalar* dy, MapShape shape, int width,
                                                const ScaleAndClamp<Scalar>& of, const Scalar* mean, double* sum,
                                                double* sum_of_products) {
    const Scalar* const scale = of.scale;
    const Scalar* const shift = of.shift;
    const Scalar low = of.low, high = of.high;
    for (int c = 0; c < width; ++c) sum[c] = sum_of_products[c] = 0;
    by_blocks(shape.rows, [&](std::int64_t first, std::int64_t count) {
        Scalar s[kTile] = {}, p[kTile] = {};
        const Scalar* from = x + first * shape.channels;
        const Scalar* delta = dy + first * shape.channels;
        for (std::int64_t row = 0; row < count; ++row, from += shape.channels, delta += shape.channels)
            for (int c = 0; c < width; ++c) {
                const Scalar g = passed(delta[c], from[c] * scale[c] + shift[c], low, high);
                s[c] += g;
                p[c] += g * (from[c] - mean[c]);
            }
        for (int c = 0; c < width; ++c)
            sum[c] += static_cast<double>(s[c]), sum_of_products[c] += static_cast<double>(p[c]);
    });
}

template <typename Scalar>
void backward_sums(const Scalar* x, const Scalar* dy, MapShape shape, const ScaleAndClamp<Scalar>& of,
                   const Scalar* mean, double* sum, double* sum_of_products) {
    for (int c = 0; c < shape.channels; c += kTile) {
        const ScaleAndClamp<Scalar> here = {of.scale + c, of.shift + c, of.low, of.high};
        if (c + kTile <= shape.channels)
            sums_of_tile(x + c, dy + c, shape, kTile, here, mean + c, sum + c, sum_of_products + c);
        else
            sums_of_tile(x + c, dy + c, shape, shape.channels - c, here, mean + c, sum + c, sum_of_products + c);
    }
}

template <typename Scalar>
void backward(const Scalar* x, const Scalar* dy, MapShape shape, const ScaleAndClamp<Scalar>& of, const Scalar* mean,
              const Scalar* a, const Scalar* b, const Scalar* c, Scalar* dx) {
    const Scalar* const scale = of.scale;
    const Scalar* const shift = of.shift;
    const Scalar low = of.low, high = of.high;
    for (std::int64_t row = 0; row < shape.rows; ++row) {
        for (int i = 0; i < shape.channels; ++i) {
            const Scalar g = passed(dy[i], x[i] * scale[i] + shift[i], low, high);
            dx[i] = a[i] * g + (b[i] * (x[i] - mean[i]) + c[i]);
        }
        x += shape.channels, dy += shape.channels, dx += shape.channels;
    }
}

template <typename Scalar>
constexpr BatchNormKernel<Scalar> kKernel = {THAW_INSTRUCTION_SET_NAME, statistics<Scalar>, forward<Scalar>,
                                             backward_sums<Scalar>, backward<Scalar>};

}  // namespace

namespace THAW_INSTRUCTION_SET {
extern const BatchNormKernel<float> norm_in_float;
extern const BatchNormKernel<double> norm_in_double;
const BatchNormKernel<float> norm_in_float = kKernel<float>;
const BatchNormKernel<double> norm_in_double = kKernel<double>;
}  // namespace THAW_INSTRUCTION_SET

}  // namespace thaw
