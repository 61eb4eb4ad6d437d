#include "results/report/statistics.hpp"

#include <algorithm>
#include <limits>
#include <numbers>
#include <utility>

namespace thaw {
namespace {

constexpr double kTiny = 1e-300;

/// log(z!) minus Stirling's approximation of it, for z > 0.
double stirling_error(double z) {
    if (z < 15) return std::lgamma(z + 1) - (z + 0.5) * std::log(z) + z - 0.5 * std::log(2 * std::numbers::pi);
    const double s = z * z;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / s) / s) / s) / s) / z;
}

/// x log(x / m) + m - x, without the loss of digits where x is near m.
double deviance(double x, double m) {
    if (std::abs(x - m) >= 0.1 * (x + m)) return x * std::log(x / m) + m - x;
    const double v = (x - m) / (x + m);
    double sum = (x - m) * v, term = 2 * x * v;
    for (int j = 1;; ++j) {
        term *= v * v;
        const double next = sum + term / (2 * j + 1);
        if (next == sum) return sum;
        sum = next;
    }
}

/// x^a y^b Gamma(a + b + 1) / (Gamma(a + 1) Gamma(b + 1)), for a, b > 0: a binomial probability where a, b are whole.
double binomial_term(double a, double b, double x, double y) {
    const double n = a + b;
    const double exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y);
    return std::sqrt(n / (2 * std::numbers::pi * a * b)) * std::exp(exponent);
}

/// The continued fraction of I_x(a, b) after its factor; converges quickly for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
    constexpr int kMostTerms = 100'000;
    const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), fraction = d;
    for (int m = 1; m <= kMostTerms; ++m) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        fraction *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        fraction *= d * c;
        if (std::abs(d * c - 1) < std::numeric_limits<double>::epsilon()) break;
    }
    return fraction;
}

/// Where a falling function of t >= 0 is `p`: to the last digit, by halving.
template <typename Falling>
double falls_to(double p, const Falling& tail) {
    double low = 0, high = 1;
    while (tail(high) > p && high < 1e150) low = std::exchange(high, 2 * high);
    for (double middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2)
        (tail(middle) > p ? low : high) = middle;
    return (low + high) / 2;
}

}  // namespace

double incomplete_beta(double a, double b, double x, double y) {
    if (x <= 0) return 0;
    if (y <= 0) return 1;
    const double factor = binomial_term(a, b, x, y) / (a + b);
    return x < (a + 1) / (a + b + 2) ? factor * b * beta_fraction(a, b, x) : 1 - factor * a * beta_fraction(b, a, y);
}

double t_two_sided(double t, double freedom) {
    if (std::isnan(t) || !(freedom > 0)) return std::nan("");
    if (std::isinf(t)) return 0;
    const double whole = freedom + t * t;
    return incomplete_beta(freedom / 2, 0.5, freedom / whole, t * t / whole);
}

double t_beyond(double p, double freedom) {
    return falls_to(p, [&](double t) { return t_two_sided(t, freedom); });
}

double z_beyond(double p) {
    return falls_to(p, [](double z) { return std::erfc(z / std::numbers::sqrt2); });
}

Interval wilson_interval(double correct, std::int64_t total, double confidence) {
    if (total <= 0) return {0, 1};
    const double n = static_cast<double>(total), share = correct / n, z = z_beyond(1 - confidence);
    const double middle = (correct + z * z / 2) / (n + z * z);
    const double reach = z / (n + z * z) * std::sqrt(n * share * (1 - share) + z * z / 4);
    return {correct <= 0 ? 0 : middle - reach, correct >= n ? 1 : middle + reach};
}

Mean mean_of(const std::vector<double>& values, double confidence) {
    Mean result;
    result.count = static_cast<int>(values.size());
    if (values.empty()) return result;
    double sum = 0, squares = 0;
    for (const double value : values) sum += value;
    result.mean = sum / result.count;
    // Equal values have no deviation, whatever the rounding of their mean.
    if (std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; }))
        result.mean = values[0];
    if (result.count == 1) return result;
    for (const double value : values) squares += (value - result.mean) * (value - result.mean);
    result.deviation = std::sqrt(squares / (result.count - 1));
    const double reach = t_beyond(1 - confidence, result.count - 1) * result.deviation / std::sqrt(result.count);
    result.interval = {result.mean - reach, result.mean + reach};
    return result;
}

PairedTest paired_t_test(const std::vector<double>& differences, double confidence) {
    PairedTest test{.difference = mean_of(differences, confidence)};
    const Mean& d = test.difference;
    if (d.count < 2) return test;
    test.p = d.deviation > 0 ? t_two_sided(d.mean / (d.deviation / std::sqrt(d.count)), d.count - 1)
             : d.mean == 0   ? 1
                             : 0;
    return test;
}

double mcnemar_exact(std::int64_t first, std::int64_t second) {
    const std::int64_t total = first + second, fewer = std::min(first, second);
    if (first == second) return 1;
    if (fewer == 0) return std::pow(2.0, 1.0 - static_cast<double>(total));
    // The terms fall fast from the largest one on; what no longer counts ends the sum.
    const double n = static_cast<double>(total), k = static_cast<double>(fewer);
    double term = binomial_term(k, n - k, 0.5, 0.5), sum = term;
    for (double i = k; i > 0 && term > sum * std::numeric_limits<double>::epsilon() / 4; --i) {
        term *= i / (n - i + 1);
        sum += term;
    }
    return std::min(1.0, 2 * sum);
}

}  // namespace thaw
