"""What a report states, worked out again from results.db: SQL for its rows, and formulas of statistics and the forms of
numbers, written down a second time."""
import functools
import json
import math
import re
import sqlite3
import struct

UNREADABLE, OTHER_FOLD = 65535, 65534


# Statistics, from their definitions.

@functools.cache
def t_density(freedom):
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    return lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)


def t_two_sided(t, freedom, steps=4000):
    """How likely a Student variable is farther from 0 than t: 1 minus the density's integral, by Simpson's rule. Over
    x = sinh(u), for heavy tails."""
    density, end = t_density(freedom), math.asinh(abs(t))
    step = end / steps
    weigh = lambda i: 1 if i in (0, steps) else 4 if i % 2 else 2
    inside = sum(weigh(i) * density(math.sinh(i * step)) * math.cosh(i * step) for i in range(steps + 1)) * step / 3
    return max(0.0, 1 - 2 * inside)


@functools.cache
def t_quantile(freedom):
    """Farther from 0 than this with a probability of 5 %."""
    low, high = 0.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if t_two_sided(middle, freedom, 400) > 0.05 else (low, middle)
    return low


def mean(values):
    return math.fsum(values) / len(values)


def deviation(values):
    return math.sqrt(math.fsum((v - mean(values)) ** 2 for v in values) / (len(values) - 1))


def t_interval(values):
    reach = t_quantile(len(values) - 1) * deviation(values) / math.sqrt(len(values))
    return mean(values) - reach, mean(values) + reach


def t_test(values):
    spread = deviation(values)
    if spread < 1e-12:
        return 1.0 if abs(mean(values)) < 1e-12 else 0.0
    return t_two_sided(mean(values) / (spread / math.sqrt(len(values))), len(values) - 1)


def wilson(share, n, z=1.959963984540054):
    middle = (share + z * z / 2 / n) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / 4 / n / n)
    return middle - reach, middle + reach


def mcnemar(first, second):
    n = first + second
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(first, second) + 1)) / 2 ** n)


# Numbers as the report writes them.

def number(text):
    return float(text.replace("−", "-").replace(",", ""))


def near(text, value, what=""):
    """The text is the value, rounded to as many digits as it has."""
    digits = len(text.split(".")[1]) if "." in text else 0
    assert abs(number(text) - value) <= 0.5 * 10 ** -digits * (1 + 1e-6) + 1e-9, (what, text, value)


def near_interval(text, interval, what=""):
    low, high = re.fullmatch(r"(\S+) to (\S+) %", text).groups()
    near(low, 100 * max(0.0, interval[0]), what)
    near(high, 100 * min(1.0, interval[1]), what)


def near_time(text, seconds, what=""):
    unit = {"h": 3600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6}
    parts = re.findall(r"([\d.]+) (h|min|s|ms|µs)", text)
    stated = sum(float(value) * unit[of] for value, of in parts)
    value, of = parts[-1]
    digits = len(value.split(".")[1]) if "." in value else 0
    tolerance = max(0.5 * 10 ** -digits, 5e-3 * float(value) if of in ("ms", "µs") else 0) * unit[of]
    assert abs(stated - seconds) <= tolerance * (1 + 1e-6), (what, text, seconds)


def near_p(text, p):
    assert text == (f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"), (text, p)


class Database:
    def __init__(self, path):
        self.rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.sweep = dict(zip(("name", "classes", "train", "validation", "test", "bad", "folder", "data"), self.one(
            "SELECT name, classes, train_images, validation_images, test_images, bad_images, data_folder,"
            " data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1")))
        self.sweep["classes"] = json.loads(self.sweep["classes"])
        columns = [row[1] for row in self.all("SELECT * FROM pragma_table_info('configurations')")]
        metrics = {"rank", "seeds", "trials", "best_trial", "configuration", "frozen_layers", "cut", "base_layers",
                   "best_trial_validation_accuracy"}
        self.axes = [c for c in columns if c not in metrics and not c.startswith(("mean_", "sd_"))]
        label = "CASE weights WHEN 'imagenet' THEN backbone ELSE backbone || ' (' || weights || ')' END"
        self.rows.execute(f"""
            CREATE TEMP TABLE c AS
            SELECT configuration, avg(final_validation_accuracy) AS accuracy, count(final_validation_accuracy) AS n,
                   avg(final_train_accuracy) AS train_accuracy, avg(final_validation_loss) AS validation_loss,
                   avg(seconds) AS seconds, count(*) - count(final_validation_accuracy) AS diverged,
                   {label} AS label, max(frozen_layers) AS frozen, {", ".join(self.axes)}
            FROM comparable_trials WHERE state = 'finished' GROUP BY configuration""")
        # The share of frozen layers, in bands; a backbone has as many layers as `all` freezes.
        self.rows.execute("""
            CREATE TEMP TABLE depths AS SELECT configuration, CASE min(4, cast(4.0 * frozen / layers AS INTEGER))
                WHEN 4 THEN 'all' WHEN 3 THEN '75 to 99 %' WHEN 2 THEN '50 to 74 %' WHEN 1 THEN '25 to 49 %'
                ELSE 'less than 25 %' END AS band
            FROM c JOIN (SELECT label, max(frozen) AS layers FROM c WHERE freeze = 'all' GROUP BY label) USING (label)""")

    def all(self, sql, *values):
        return self.rows.execute(sql, values).fetchall()

    def one(self, sql, *values):
        row = self.rows.execute(sql, values).fetchone()
        assert row is not None, (sql, values)
        return row if len(row) > 1 else row[0]

    def ranked(self):
        """Configurations, the best first."""
        return [row[0] for row in self.all(
            "SELECT configuration FROM c ORDER BY round(accuracy, 12) DESC NULLS LAST, validation_loss NULLS LAST,"
            " (SELECT min(rank) FROM leaderboard WHERE leaderboard.configuration = c.configuration)")]

    def accuracies(self, configuration):
        return [row[0] for row in self.all(
            "SELECT final_validation_accuracy FROM comparable_trials WHERE configuration = ? AND state = 'finished'"
            " AND final_validation_accuracy IS NOT NULL", configuration)]

    def best_trial(self, configuration):
        return self.one("SELECT trial FROM leaderboard WHERE configuration = ? ORDER BY rank LIMIT 1", configuration)

    def labels(self, part):
        return [row[0] for row in self.all("SELECT label FROM images WHERE data_fingerprint = ? AND part = ? ORDER BY place",
                                           self.sweep["data"], part)]

    def predictions(self, trial, part):
        row = self.all("SELECT classes FROM predictions WHERE trial = ? AND part = ?", trial, part)
        return list(struct.unpack(f"<{len(row[0][0]) // 2}H", row[0][0])) if row else None

    def judged(self):
        """The winner's images: their part, and (true, predicted) of those that can be read."""
        for trial, in self.all("SELECT trial FROM leaderboard WHERE configuration = ? ORDER BY rank", self.ranked()[0]):
            if predicted := self.predictions(trial, "test"):
                return trial, "test", [(a, b) for a, b in zip(self.labels("test"), predicted) if a >= 0 and b < OTHER_FOLD]
        trial = self.best_trial(self.ranked()[0])
        predicted = self.predictions(trial, "validation")
        return trial, "validation", [(a, b) for a, b in zip(self.labels("validation"), predicted or []) if b < OTHER_FOLD]

    def interval(self, configuration):
        accuracies = self.accuracies(configuration)
        return t_interval(accuracies) if len(accuracies) > 1 else wilson(accuracies[0], self.sweep["validation"])

    def named(self, text):
        """The configuration that says "BACKBONE, freeze all, head 128"."""
        found = [c for c in self.ranked() if self.says(c, text)]
        assert len(found) == 1, (text, found)
        return found[0]

    def says(self, configuration, text):
        label, *parts = text.split(", ")
        values = dict(zip(self.axes + ["label"], self.one(
            f"SELECT {', '.join(self.axes)}, label FROM c WHERE configuration = ?", configuration)))
        return label == values["label"] and all(self.has(values, part) for part in parts)

    @staticmethod
    def has(values, part):
        """Whether "learning rate 0.001", or a mere "adam", is among the values."""
        shown = lambda value: f"{value:.6g}" if isinstance(value, float) else str(value)
        return any(part in (f"{axis.replace('_', ' ')} {shown(value)}", shown(value)) for axis, value in values.items())


def compare(db, first, second):
    """Differences by seed, and by image: how often the first is right there minus how often the second is."""
    pairs = db.all("SELECT a.trial, b.trial, a.validation_accuracy - b.validation_accuracy FROM leaderboard a JOIN leaderboard"
                   " b USING (seed, fold) WHERE a.configuration = ? AND b.configuration = ?", first, second)
    labels, by_image = db.labels("validation"), []
    known = [(db.predictions(a, "validation"), db.predictions(b, "validation")) for a, b, _ in pairs]
    if labels and all(a and b for a, b in known):
        for i, label in enumerate(labels):
            said = [(a[i], b[i]) for a, b in known if OTHER_FOLD not in (a[i], b[i])]
            if said and all(UNREADABLE not in one for one in said):
                by_image.append(mean([(a == label) - (b == label) for a, b in said]))
    return [difference for _, _, difference in pairs], by_image


def verdict(db, text, second):
    """ "0.8 points lower, not significant", of the second against the best."""
    points, side, word = re.fullmatch(r"(\S+) points (lower|higher), (not significant|significant|not tested)", text).groups()
    by_seed, by_image = compare(db, db.ranked()[0], second)
    difference = mean(by_seed)
    assert (side == "higher") == (difference < 0), (text, difference)
    near(points, 100 * abs(difference), text)
    ps = [t_test(by_seed)] if len(by_seed) > 1 else []
    if by_image:
        ones = [by_image.count(1), by_image.count(-1)]
        ps.append(t_test(by_image) if len(by_seed) > 1 else mcnemar(*ones))
    seeds_tell = len(by_seed) > 1 and deviation(by_seed) > 1e-9
    told = "not tested" if not by_image and not seeds_tell else \
        "not significant" if difference <= 0 or any(p >= 0.05 for p in ps) else "significant"
    assert told == word, (text, ps)
    return by_seed, by_image, ps


def frozen_seconds(db, label):
    """Of one image through the frozen layers of this backbone."""
    backbone, size = db.one("SELECT backbone, image_size FROM c WHERE label = ?", label)
    return db.one("SELECT total(seconds) / nullif(total(computed), 0) FROM stages WHERE kind = 'features' AND error = '' AND NOT"
                  " reused AND description LIKE ? || '%'", f"{backbone} at {size} px")
