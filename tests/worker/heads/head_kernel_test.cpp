// Every kernel that this CPU can run, against loops by the book.
#include "worker/heads/head_kernel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/uniform_within.hpp"
#include "tests/worker/heads/golden_optimizers.hpp"

namespace thaw {
namespace {

struct Shape {
    int inputs, outputs, rows;
};
constexpr Shape kShapes[] = {{1, 1, 1},   {1, 2, 100}, {7, 17, 3},     {17, 7, 5},   {6, 16, 16},
                             {33, 33, 7}, {25, 48, 2}, {1280, 10, 16}, {64, 256, 13}};

template <typename Scalar>
std::vector<Scalar> numbers(const char* name, int count, double from = -1) {
    const std::vector<float> values = uniform_within(name, count, from, 1);
    return {values.begin(), values.end()};
}

/// A layer's arrays in the plain order [outputs, inputs + 1], the bias being an input's weight that is always 1.
template <typename Scalar>
class Layer {
  public:
    Layer(const Shape& shape, const HeadKernel<Scalar>& kernel)
        : shape_(shape), panel_(kernel.panel), panels_((shape.outputs + panel_ - 1) / panel_) {
        for (std::size_t i = 0; i < 3; ++i) {
            const int count = shape.outputs * (shape.inputs + 1);
            plain[i] = numbers<Scalar>(i == 0 ? "weights" : i == 1 ? "first" : "second", count, i == 2 ? 0 : -1);
            packed_[i].resize(static_cast<std::size_t>(panels_ * panel_ * (shape.inputs + 1)));
            for (int at = 0; at < count; ++at) packed_[i][place(at)] = plain[i][static_cast<std::size_t>(at)];
        }
    }
    Scalar at(int output, int input) const {
        return plain[0][static_cast<std::size_t>(output * (shape_.inputs + 1) + input)];
    }
    /// What lies packed where plain[array][at] lay at first.
    Scalar packed(std::size_t array, std::size_t at) const { return packed_[array][place(static_cast<int>(at))]; }
    int stride() const { return panels_ * panel_; }
    PackedLayer<Scalar> view() {
        return {shape_.inputs, panels_, packed_[0].data(), packed_[1].data(), packed_[2].data()};
    }
    /// The weights of outputs that do not exist.
    std::vector<Scalar> padding() const {
        std::vector<Scalar> result;
        for (int o = shape_.outputs; o < panels_ * panel_; ++o)
            for (int i = 0; i <= shape_.inputs; ++i) result.push_back(packed_[0][place(o * (shape_.inputs + 1) + i)]);
        return result;
    }

    std::vector<Scalar> plain[3];  // weights, first and second moments

  private:
    std::size_t place(int at) const {
        const int output = at / (shape_.inputs + 1), input = at % (shape_.inputs + 1);
        return static_cast<std::size_t>((output / panel_ * (shape_.inputs + 1) + input) * panel_ + output % panel_);
    }
    Shape shape_;
    int panel_, panels_;
    std::vector<Scalar> packed_[3];
};

/// Rows of inputs and of d(loss)/d(outputs), the latter padded with zeros.
template <typename Scalar>
struct Batch {
    std::vector<Scalar> x, delta;
    std::vector<const Scalar*> rows;
    Batch(const Shape& shape, int stride)
        : x(numbers<Scalar>("x", shape.rows * shape.inputs)), delta(static_cast<std::size_t>(shape.rows * stride)) {
        const auto values = numbers<Scalar>("delta", shape.rows * shape.outputs);
        for (int r = 0; r < shape.rows; ++r) {
            rows.push_back(x.data() + r * shape.inputs);
            std::copy_n(values.begin() + r * shape.outputs, shape.outputs, delta.begin() + r * stride);
        }
    }
};

template <typename Scalar>
class HeadKernelTest : public testing::Test {
  public:
    /// Of a sum of terms whose magnitudes sum to `magnitude`.
    static double tolerance(double magnitude) {
        return (std::is_same_v<Scalar, double> ? 1e-12 : 1e-5) * std::max(1.0, magnitude);
    }
    template <typename Check>
    static void for_all(const Check& check) {
        for (const HeadKernel<Scalar>& kernel : usable_head_kernels<Scalar>())
            for (const Shape& shape : kShapes) {
                SCOPED_TRACE(testing::Message() << kernel.instruction_set << " " << shape.inputs << " -> "
                                                << shape.outputs << ", " << shape.rows << " rows");
                Layer<Scalar> layer(shape, kernel);
                check(kernel, shape, layer, Batch<Scalar>(shape, layer.stride()));
            }
    }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(HeadKernelTest, Scalars);

TYPED_TEST(HeadKernelTest, ForwardIsTheWeightedSumAndBias) {
    this->for_all([&](const auto& kernel, const Shape& shape, auto& layer, const auto& batch) {
        std::vector<TypeParam> y(batch.delta.size(), TypeParam{-7});
        kernel.forward(layer.view(), batch.rows.data(), shape.rows, y.data());
        for (int r = 0; r < shape.rows; ++r)
            for (int o = 0; o < layer.stride(); ++o) {
                double expected = o < shape.outputs ? static_cast<double>(layer.at(o, shape.inputs)) : 0;
                for (int i = 0; o < shape.outputs && i < shape.inputs; ++i)
                    expected += static_cast<double>(layer.at(o, i)) * static_cast<double>(batch.rows[r][i]);
                ASSERT_NEAR(y[static_cast<std::size_t>(r * layer.stride() + o)], expected,
                            this->tolerance(shape.inputs))
                    << r << " " << o;
            }
    });
}

TYPED_TEST(HeadKernelTest, ARowsOutputIsTheSameBitForBitInAnyBatch) {
    this->for_all([&](const auto& kernel, const Shape& shape, auto& layer, const auto& batch) {
        std::vector<TypeParam> together(batch.delta.size()), alone(static_cast<std::size_t>(layer.stride()));
        kernel.forward(layer.view(), batch.rows.data(), shape.rows, together.data());
        for (int r = 0; r < shape.rows; ++r) {
            kernel.forward(layer.view(), batch.rows.data() + r, 1, alone.data());
            ASSERT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + r * layer.stride()));
        }
    });
}

TYPED_TEST(HeadKernelTest, InputGradientIsTheTransposedProduct) {
    this->for_all([&](const auto& kernel, const Shape& shape, auto& layer, const auto& batch) {
        const int stride = shape.inputs + 3;
        std::vector<TypeParam> below(static_cast<std::size_t>(shape.rows * stride), TypeParam{-7});
        kernel.input_gradient(layer.view(), batch.delta.data(), shape.rows, below.data(), stride);
        for (int r = 0; r < shape.rows; ++r)
            for (int i = 0; i < stride; ++i) {
                double expected = i < shape.inputs ? 0 : -7;  // what lies behind is not touched
                for (int o = 0; i < shape.inputs && o < shape.outputs; ++o)
                    expected += static_cast<double>(layer.at(o, i)) *
                                static_cast<double>(batch.delta[static_cast<std::size_t>(r * layer.stride() + o)]);
                ASSERT_NEAR(below[static_cast<std::size_t>(r * stride + i)], expected, this->tolerance(shape.outputs))
                    << r << " " << i;
            }
    });
}

TYPED_TEST(HeadKernelTest, TrainIsAnUpdateByThePlainGradient) {
    for (const auto& [name, options] : golden_optimizers()) {
        SCOPED_TRACE(name);
        const OptimizerStep step{options, 0.01, 3};
        this->for_all([&](const auto& kernel, const Shape& shape, auto& layer, const auto& batch) {
            std::vector<TypeParam> gradient;
            for (int o = 0; o < shape.outputs; ++o)
                for (int i = 0; i <= shape.inputs; ++i) {
                    double sum = 0;
                    for (int r = 0; r < shape.rows; ++r)
                        sum += static_cast<double>(batch.delta[static_cast<std::size_t>(r * layer.stride() + o)]) *
                               (i < shape.inputs ? static_cast<double>(batch.rows[r][i]) : 1.0);
                    gradient.push_back(static_cast<TypeParam>(sum));
                }
            kernel.train(layer.view(), batch.rows.data(), batch.delta.data(), shape.rows, step);
            kernel.update(step, gradient.size(), gradient.data(), layer.plain[0].data(), layer.plain[1].data(),
                          layer.plain[2].data());
            for (std::size_t array = 0; array < 3; ++array)
                for (std::size_t i = 0; i < gradient.size(); ++i)
                    ASSERT_NEAR(layer.packed(array, i), layer.plain[array][i], this->tolerance(shape.rows))
                        << array << " " << i;
            for (const TypeParam weight : layer.padding()) ASSERT_EQ(weight, 0);
        });
    }
}

TYPED_TEST(HeadKernelTest, AnEpsilonThatRoundsToZeroLeavesThePaddingZero) {
    for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rmsprop}) {
        const Optimizer options{.kind = kind, .epsilon = std::numeric_limits<double>::denorm_min()};
        this->for_all([&](const auto& kernel, const Shape& shape, auto& layer, const auto& batch) {
            kernel.train(layer.view(), batch.rows.data(), batch.delta.data(), shape.rows, {options, 0.01, 1});
            for (const TypeParam weight : layer.padding()) ASSERT_EQ(weight, 0);
        });
    }
}

}  // namespace
}  // namespace thaw
