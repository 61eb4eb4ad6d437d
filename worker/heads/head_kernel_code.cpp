// The kernel's code, compiled once for each instruction set as namespace THAW_INSTRUCTION_SET. It may use nothing that
// the linker could share with files compiled for lesser CPUs: no inline function of a header, no template but its own.
#include <type_traits>

#include "worker/heads/head_kernel.hpp"
#include "worker/heads/optimizer_rules.hpp"

namespace thaw {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kBlockRows = 12;  // rows of accumulators that fit the registers
#elif defined(__AVX__)
constexpr int kVectorBytes = 32, kBlockRows = 6;
#else
constexpr int kVectorBytes = 16, kBlockRows = 6;
#endif

template <typename Scalar>
struct Vectors {
    typedef Scalar Vector __attribute__((vector_size(kVectorBytes)));
    static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(Scalar));
    static constexpr int kPanel = 2 * kLanes;
};
template <typename Scalar>
using Vector = typename Vectors<Scalar>::Vector;

template <typename Scalar>
inline Vector<Scalar> load(const Scalar* from) {
    Vector<Scalar> result;
    __builtin_memcpy(&result, from, sizeof result);
    return result;
}

template <typename Scalar>
inline void store(Scalar* to, const Vector<Scalar>& value) {
    __builtin_memcpy(to, &value, sizeof value);
}

template <typename Scalar>
inline Scalar sum(const Vector<Scalar>& value) {
    Scalar total = 0;
    for (int i = 0; i < Vectors<Scalar>::kLanes; ++i) total += value[i];
    return total;
}

/// Calls block(first row, count) for blocks that are as equal as may be, so that none is slow for being small.
template <typename Block>
inline void split_rows(int rows, const Block& block) {
    int blocks = (rows + kBlockRows - 1) / kBlockRows;
    for (int at = 0; blocks > 0; --blocks) {
        const int count = (rows - at + blocks - 1) / blocks;
        block(at, count);
        at += count;
    }
}

/// block.template operator()<count>() for 1 <= count <= R.
template <int R, typename Block>
inline void with_count(int count, const Block& block) {
    if constexpr (R > 1)
        if (count < R) return with_count<R - 1>(count, block);
    block.template operator()<R>();
}

template <int R, typename Scalar>
void forward_block(const Scalar* weights, int inputs, const Scalar* const* rows, Scalar* y, std::size_t stride) {
    constexpr int kLanes = Vectors<Scalar>::kLanes, kPanel = Vectors<Scalar>::kPanel;
    const Scalar* x[R];
    Vector<Scalar> low[R], high[R];
    const Scalar* bias = weights + static_cast<std::ptrdiff_t>(inputs) * kPanel;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        x[r] = rows[r];
        low[r] = load(bias), high[r] = load(bias + kLanes);
    }
    for (std::ptrdiff_t k = 0; k < inputs; ++k, weights += kPanel) {
        const Vector<Scalar> w_low = load(weights), w_high = load(weights + kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            low[r] += x[r][k] * w_low;
            high[r] += x[r][k] * w_high;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r, y += stride) store(y, low[r]), store(y + kLanes, high[r]);
}

template <typename Scalar>
void forward(const PackedLayer<Scalar>& layer, const Scalar* const* x, int rows, Scalar* y) {
    constexpr int kPanel = Vectors<Scalar>::kPanel;
    const auto stride = static_cast<std::size_t>(layer.panels * kPanel);
    const Scalar* weights = layer.weights;
    for (int panel = 0; panel < layer.panels; ++panel, y += kPanel) {
        split_rows(rows, [&](int first, int count) {
            with_count<kBlockRows>(count, [&]<int R>() {
                forward_block<R>(weights, layer.inputs, x + first, y + static_cast<std::size_t>(first) * stride,
                                 stride);
            });
        });
        weights += static_cast<std::ptrdiff_t>(layer.inputs + 1) * kPanel;
    }
}

template <int R, typename Scalar>
void input_gradient_block(const PackedLayer<Scalar>& layer, const Scalar* delta, Scalar* below, std::size_t stride) {
    constexpr int kLanes = Vectors<Scalar>::kLanes, kPanel = Vectors<Scalar>::kPanel;
    const std::ptrdiff_t outputs = static_cast<std::ptrdiff_t>(layer.panels) * kPanel;
    for (std::ptrdiff_t k = 0; k < layer.inputs; ++k) {
        Vector<Scalar> low[R] = {}, high[R] = {};
        const Scalar* weights = layer.weights + k * kPanel;
        for (std::ptrdiff_t o = 0; o < outputs; o += kPanel, weights += (layer.inputs + 1) * kPanel) {
            const Vector<Scalar> w_low = load(weights), w_high = load(weights + kLanes);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                low[r] += load(delta + r * outputs + o) * w_low;
                high[r] += load(delta + r * outputs + o + kLanes) * w_high;
            }
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
            below[static_cast<std::size_t>(r) * stride + static_cast<std::size_t>(k)] = sum<Scalar>(low[r] + high[r]);
    }
}

template <typename Scalar>
void input_gradient(const PackedLayer<Scalar>& layer, const Scalar* delta, int rows, Scalar* below, int stride) {
    const std::ptrdiff_t outputs = static_cast<std::ptrdiff_t>(layer.panels) * Vectors<Scalar>::kPanel;
    split_rows(rows, [&](int first, int count) {
        with_count<kBlockRows>(count, [&]<int R>() {
            input_gradient_block<R>(layer, delta + first * outputs, below + static_cast<std::ptrdiff_t>(first) * stride,
                                    static_cast<std::size_t>(stride));
        });
    });
}

template <int R, typename Scalar>
void gradient_block(const Scalar* const* x, std::ptrdiff_t k, const Scalar* delta, std::size_t stride, int rows,
                    Scalar* gradient) {
    constexpr int kLanes = Vectors<Scalar>::kLanes, kPanel = Vectors<Scalar>::kPanel;
    Vector<Scalar> low[R] = {}, high[R] = {};
    for (int row = 0; row < rows; ++row, delta += stride) {
        const Vector<Scalar> d_low = load(delta), d_high = load(delta + kLanes);
        const Scalar* at = x[row] + k;
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            low[r] += at[r] * d_low;
            high[r] += at[r] * d_high;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r, gradient += kPanel) store(gradient, low[r]), store(gradient + kLanes, high[r]);
}

/// gradient[count][kPanel] = the sum over the rows of x[row][k..k+count) times delta[row]. Never part of its caller,
/// whose constants would take the accumulators' registers.
template <typename Scalar>
[[gnu::noinline]] void gradient(const Scalar* const* x, std::ptrdiff_t k, int count, const Scalar* delta,
                                std::size_t stride, int rows, Scalar* result) {
    split_rows(count, [&](int first, int part) {
        with_count<kBlockRows>(part, [&]<int R>() {
            gradient_block<R>(x, k + first, delta, stride, rows,
                              result + static_cast<std::ptrdiff_t>(first) * Vectors<Scalar>::kPanel);
        });
    });
}

/// Inputs whose gradients are made before they are used up; their number matters little.
constexpr int kChunk = 24;

/// Calls use(at, count, chunk) for stretches of the layer's packed parameters, one after the other, with their
/// gradients.
template <typename Scalar, typename Use>
inline void for_each_chunk(const PackedLayer<Scalar>& layer, const Scalar* const* x, const Scalar* delta, int rows,
                           const Use& use) {
    constexpr int kPanel = Vectors<Scalar>::kPanel;
    const auto stride = static_cast<std::size_t>(layer.panels * kPanel);
    std::size_t at = 0;
    alignas(64) Scalar chunk[kChunk * kPanel];
    const auto use_up = [&](std::size_t count) {
        use(at, count, chunk);
        at += count;
    };
    for (int panel = 0; panel < layer.panels; ++panel, delta += kPanel) {
        for (int k = 0; k < layer.inputs; k += kChunk) {
            const int count = layer.inputs - k < kChunk ? layer.inputs - k : kChunk;
            gradient(x, k, count, delta, stride, rows, chunk);
            use_up(static_cast<std::size_t>(count * kPanel));
        }
        for (int o = 0; o < kPanel; ++o) chunk[o] = 0;
        for (int row = 0; row < rows; ++row)
            for (int o = 0; o < kPanel; ++o)
                chunk[o] += delta[static_cast<std::size_t>(row) * stride + static_cast<std::size_t>(o)];
        use_up(kPanel);
    }
}

template <typename Scalar>
void train(const PackedLayer<Scalar>& layer, const Scalar* const* x, const Scalar* delta, int rows,
           const OptimizerStep& step) {
    with_adjusted_rule<Scalar>(step, [&](const auto& rule) {
        for_each_chunk(layer, x, delta, rows, [&](std::size_t at, std::size_t count, const Scalar* chunk) {
            apply(rule, at, count, chunk, layer.weights, layer.first, layer.second);
        });
    });
}

template <typename Scalar>
void gradients(const PackedLayer<Scalar>& layer, const Scalar* const* x, const Scalar* delta, int rows,
               Scalar* packed) {
    for_each_chunk(layer, x, delta, rows, [&](std::size_t at, std::size_t count, const Scalar* chunk) {
        __builtin_memcpy(packed + at, chunk, count * sizeof(Scalar));
    });
}

template <typename Scalar>
void update(const OptimizerStep& step, std::size_t count, const Scalar* given, Scalar* parameters, Scalar* first,
            Scalar* second) {
    with_adjusted_rule<Scalar>(step,
                               [&](const auto& rule) { apply(rule, 0, count, given, parameters, first, second); });
}

template <typename Scalar>
constexpr HeadKernel<Scalar> kKernel = {
    THAW_INSTRUCTION_SET_NAME, Vectors<Scalar>::kPanel, forward<Scalar>, input_gradient<Scalar>, train<Scalar>,
    gradients<Scalar>,         update<Scalar>};

}  // namespace

namespace THAW_INSTRUCTION_SET {
extern const HeadKernel<float> in_float;
extern const HeadKernel<double> in_double;
const HeadKernel<float> in_float = kKernel<float>;
const HeadKernel<double> in_double = kKernel<double>;
}  // namespace THAW_INSTRUCTION_SET

}  // namespace thaw
