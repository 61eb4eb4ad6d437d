"""scipy's answers to the questions of results/statistics.hpp, hard cases among them.

    PYTHON_WITH_SCIPY tests/parity/report_statistics.py tests/results/report/golden/statistics.json
"""
import json
import sys

import numpy as np
import scipy
from scipy import special, stats


def proportions():
    cases = [(0, 1), (1, 1), (0, 20), (20, 20), (1, 2), (7, 10), (112, 134), (133, 134), (67, 134), (199, 200),
             (87654, 100000), (1, 100000), (123456789, 1000000000)]
    for correct, total in cases:
        for confidence in (0.5, 0.95, 0.999):
            found = stats.binomtest(correct, total).proportion_ci(confidence, method="wilson")
            yield dict(correct=correct, total=total, confidence=confidence, low=found.low, high=found.high)


def tails():
    for freedom in (1, 2, 3, 7, 29, 100, 1234, 1e6):
        for t in (0, 1e-9, 0.1, 1, 2.1, 5, 12, 37, 1e4):
            p = 2 * stats.t.sf(t, freedom)
            if p > 1e-290:
                yield dict(freedom=freedom, t=t, p=p)


def quantiles():
    for freedom in (1, 2, 3, 10, 133, 5000, 1e6):
        for p in (0.9, 0.5, 0.05, 0.01, 1e-6):
            yield dict(freedom=freedom, p=p, t=stats.t.isf(p / 2, freedom))


def betas():
    for a, b, x in [(0.5, 0.5, 0.3), (2, 3, 0.9), (1e-3, 5, 0.1), (40, 0.5, 0.999), (1500, 1200, 0.55), (3e5, 2e5, 0.6),
                    (1, 1, 0.25), (10, 1e4, 1e-3)]:
        yield dict(a=a, b=b, x=x, value=special.betainc(a, b, x))


def pairs():
    random = np.random.default_rng(1)
    samples = [[0.25, 0.5], [0.0, 0.0625, -0.03125], [1e-12, -3e-12, 2e-12], [0.5, 0.5, 0.25],
               [-0.125, -0.25, -0.125, -0.25], [0.1] * 9 + [0.2], [1e8 + 1, 1e8 - 1, 1e8]]
    for count, shift, scale in ((3, 0.02, 0.01), (12, 0.0, 0.05), (60, 0.3, 0.01), (500, 0.001, 0.1)):
        samples.append(list(shift + scale * random.standard_normal(count)))
    for sample in samples:
        test = stats.ttest_rel(sample, np.zeros(len(sample)))
        interval = test.confidence_interval(0.95)
        yield dict(values=sample, mean=float(np.mean(sample)), deviation=float(np.std(sample, ddof=1)),
                   low=interval.low, high=interval.high, p=test.pvalue)


def mcnemars():
    for first, second in [(0, 1), (1, 0), (0, 5), (3, 3), (2, 9), (9, 2), (17, 4), (40, 60), (0, 900), (100, 500),
                          (500, 501), (49000, 51000), (30000, 33000), (499000, 501000)]:
        yield dict(first=first, second=second, p=stats.binomtest(first, first + second, 0.5).pvalue)


def numbers(rows):
    return [{key: value if isinstance(value, list) else float(value) for key, value in row.items()} for row in rows]


golden = {"wilson": proportions(), "t_two_sided": tails(), "t_beyond": quantiles(), "incomplete_beta": betas(),
          "paired": pairs(), "mcnemar": mcnemars()}
parts = [f'"scipy": "{scipy.__version__}"']
for name, rows in golden.items():
    parts.append(f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in numbers(rows)) + "\n]")
with open(sys.argv[1], "w") as file:
    file.write("{\n" + ",\n".join(parts) + "\n}\n")
