// Intervals and tests that say how sure a comparison of accuracies is; plain numbers in, plain numbers out.
//
// Formulas: Wilson (1927) for proportions; Student's t by the regularized incomplete beta function, its continued
// fraction as in DLMF 8.17.22 (Lentz's method, Numerical Recipes 6.4), its factor by Loader's saddle-point expansion
// (2000), which keeps all digits for large counts; McNemar's exact test is a two-sided binomial test of the pairs that
// differ. All agree with scipy to 1e-9 (tests/parity/report_statistics.py).
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace thaw {

inline constexpr double kConfidence = 0.95;  // of every interval that the report shows

struct Interval {
    double low = std::nan(""), high = std::nan("");
};

/// I_x(a, b), for a, b > 0. `y` is 1 - x, which the caller may know to more digits.
double incomplete_beta(double a, double b, double x, double y);
/// The probability that a Student variable of so many degrees of freedom lies farther from 0 than t.
double t_two_sided(double t, double freedom);
/// The t (and the standard normal z) that is farther from 0 with probability `p`, for p in (0, 1).
double t_beyond(double p, double freedom);
double z_beyond(double p);

/// For `correct` of `total` independent images; the whole of [0, 1] where there are none.
Interval wilson_interval(double correct, std::int64_t total, double confidence = kConfidence);

/// A mean with the t interval of it. One value has neither a standard deviation nor an interval.
struct Mean {
    int count = 0;
    double mean = std::nan(""), deviation = std::nan("");  // sample standard deviation, of count - 1
    Interval interval;
};
Mean mean_of(const std::vector<double>& values, double confidence = kConfidence);

/// Of differences of pairs: their mean, and the two-sided t test's probability of one as far from 0 by chance. Where
/// all differences are the same number, p is 0, or 1 where that number is 0. NaN for fewer than two pairs.
struct PairedTest {
    Mean difference;
    double p = std::nan("");
};
PairedTest paired_t_test(const std::vector<double>& differences, double confidence = kConfidence);

/// Of pairs that differ, `first` one way and `second` the other: how likely chance alone parts them at least so
/// unevenly. 1 where there are none.
double mcnemar_exact(std::int64_t first, std::int64_t second);

}  // namespace thaw
