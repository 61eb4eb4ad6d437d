"""Holds every sentence of a report against its database: `sentences.py results.db report.md`.

Each line of the Markdown has to match one of the forms below; what numbers and verdicts it states is worked out again
from the tables of results.db with SQL, and by formulas of statistics that are written down here a second time. A line
that no form knows is an error, so that a new sentence needs a new check.
"""
import math
import re
import sys

from recomputed import *
from report_tables import check_table

# The sentences.

FORMS = []


def form(pattern):
    def add(check):
        FORMS.append((re.compile(pattern, re.DOTALL), check))
        return check
    return add


def static(*patterns):
    for pattern in patterns:
        form(pattern)(lambda db: None)


static(
    r"Each comparison pairs configurations that differ in this hyperparameter alone(, each the mean of its seeds "
    r"\(where there are too few, their trials by seed\))?\. 95 % "
    r"CIs, not corrected for multiple comparisons; all configurations share the same validation images\.",
    r"Each dot is a configuration(, the mean of its seeds)?; the large dot is the best one(; hollow dots have random "
    r"weights)?\.",
    r"Times are measured: one image through the frozen layers, and one training step of the best configuration\. A step "
    r"covers the layers that are trained; the frozen ones run once, before training\.",
    r"Best validation accuracy by backbone and frozen depth, deeper to the right\.",
    r"The line is the Pareto front: no other configuration is both faster and more accurate\.",
    r"Each line is a configuration; the higher its accuracy, the stronger the line\. The thick line is the best one\.",
    r"The pruner stopped these trials early\. Their results are kept, and a larger search can resume them\.",
    r"A stage runs once for all trials that need it\. A reused stage was already in the cache\. Times and sizes cover "
    r"computed stages only\.",
    r"The database has no predictions of the best trial \(an older version of thaw ran it\), so there is no confusion matrix "
    r"and no test over images\.",
    r"The longest stages:", r"Earlier runs:")


@form(r"\*\*(\S+?) reaches (\S+) % (validation|test) accuracy \((mean of (\d+) seeds|seed (\d+))\)\*\*")
def answer(db, backbone, accuracy, measure, _, seeds, seed):
    best = db.ranked()[0]
    assert backbone == db.one("SELECT label FROM c WHERE configuration = ?", best)
    trial, part, judged = db.judged()
    if measure == "test":
        assert part == "test"
        near(accuracy, 100 * sum(a == b for a, b in judged) / len(judged))
        assert int(seed) == db.one("SELECT seed FROM trials WHERE id = ?", trial)
    else:
        near(accuracy, 100 * mean(db.accuracies(best)))
        assert int(seeds or 1) == len(db.accuracies(best))


@form(r"- \*\*Test accuracy\*\*: (\S+) % \(seed (\d+)\): (\d+) of (\d+) held-out test images correct, 95 % CI (.*) \(Wilson\)\.")
def test_accuracy(db, accuracy, seed, correct, images, interval):
    trial, part, judged = db.judged()
    right = sum(a == b for a, b in judged)
    assert part == "test" and (right, len(judged)) == (int(correct), int(images))
    assert int(seed) == db.one("SELECT seed FROM trials WHERE id = ?", trial)
    near(accuracy, 100 * right / len(judged))
    near_interval(interval, wilson(right / len(judged), len(judged)))


@form(r"- \*\*Uncertainty\*\*: (\S+) % validation accuracy, mean of (\d+) seeds with a standard deviation of (\S+) points: "
      r"95 % CI (.*) over seeds \(t\), (.*) over (\d+) images \(Wilson\)\.( (\d+) seeds? more diverged and left out\.)?"
      r"( The validation images selected this configuration among (\d+), so expect slightly less on new images\.)?")
def uncertainty(db, accuracy, seeds, spread, interval, of_images, images, _, diverged, __, among):
    best = db.ranked()[0]
    values = db.accuracies(best)
    assert int(seeds) == len(values) and int(images) == db.sweep["validation"]
    near(accuracy, 100 * mean(values))
    near(spread, 100 * deviation(values))
    near_interval(interval, t_interval(values))
    near_interval(of_images, wilson(mean(values), int(images)))
    assert int(diverged or 0) == db.one("SELECT diverged FROM c WHERE configuration = ?", best)
    assert int(among or 1) == db.one("SELECT count(*) FROM c")


@form(r"- \*\*Uncertainty\*\*: (\S+) % validation accuracy with one seed: 95 % CI (.*) over (\d+) images \(Wilson\)\."
      r"( The validation images selected this configuration among (\d+), so expect slightly less on new images\.)?")
def uncertainty_of_one(db, accuracy, interval, images, _, among):
    value, = db.accuracies(db.ranked()[0])
    near(accuracy, 100 * value)
    near_interval(interval, wilson(value, int(images)))
    assert int(images) == db.sweep["validation"] and int(among or 1) == db.one("SELECT count(*) FROM c")


@form(r"- \*\*Runner-up\*\*: (.*) reaches (\S+) % validation accuracy: (.*?) \((.*)\)\.")
def runner_up(db, name, accuracy, text, tests):
    second = db.ranked()[1]
    assert db.says(second, name), name
    near(accuracy, 100 * mean(db.accuracies(second)))
    by_seed, by_image, ps = verdict(db, text, second)
    for test in tests.split("; "):
        if found := re.fullmatch(r"paired t test over (\d+) (seeds|images): (.*)", test):
            count, what, p = found.groups()
            assert int(count) == len(by_seed if what == "seeds" else by_image)
            near_p(p, ps[what == "images"])
        elif found := re.fullmatch(r"the best alone is right on (\d+) images?, this one alone on (\d+)", test):
            assert [int(n) for n in found.groups()] == [by_image.count(1), by_image.count(-1)]
        elif found := re.fullmatch(r"McNemar's exact test: (.*)", test):
            near_p(found[1], ps[-1])
        else:
            assert re.fullmatch(r"(one seed|\d+ seeds), and the database has no predictions to pair", test), test


@form(r"- \*\*Training cost\*\*: (.*) of training per trial \((mean of (\d+) seeds|seed (\d+))\)(, plus (.*) for one pass of "
      r"(\d+) images through the frozen layers, shared by all trials of this backbone)?\.")
def training_cost(db, time, _, seeds, seed, __, frozen, images):
    best = db.ranked()[0]
    near_time(time, db.one("SELECT seconds FROM c WHERE configuration = ?", best))
    assert int(seeds or 1) == len(db.accuracies(best))
    if frozen:
        assert int(images) == db.sweep["train"] + db.sweep["validation"]
        label = db.one("SELECT label FROM c WHERE configuration = ?", best)
        near_time(frozen, frozen_seconds(db, label) * int(images))


@form(r"- \*\*Inference cost\*\*: ((\S+ \S+) per image through the frozen layers on this machine \(without (the head|the trained "
      r"layers and the head)\)(; |\.))?(the base has (\S+) parameters \((\S+) MiB in float32\) and takes \S+ GFLOPs per image\.)?")
def inference_cost(db, _, time, without, __, ___, parameters, mebibytes):
    label, freeze = db.one("SELECT label, freeze FROM c WHERE configuration = ?", db.ranked()[0])
    if time:
        near_time(time, frozen_seconds(db, label))
        assert (without == "the head") == (freeze == "all")
    if parameters:  # they are the network's, not the database's
        near(mebibytes, 4 * number(parameters) / 2 ** 20)


@form(r"- \*\*Usage\*\*: `thaw predict (\S+) --trial (\S+) photo\.jpg`")
def usage(db, name, trial):
    assert name == db.sweep["name"] and trial == db.judged()[0]


STATES = {"finished": "finished", "stopped early": "stopped", "pruned": "stopped", "failed": "failed", "running": "running",
          "waiting": "waiting"}


@form(r"(\d+) trials?: (.*)\.")
def states(db, count, parts):
    assert int(count) == db.one("SELECT count(*) FROM comparable_trials")
    for part in parts.split(", "):
        number_of, state = part.split(" ", 1)
        assert int(number_of) == db.one("SELECT count(*) FROM comparable_trials WHERE state = ?", STATES[state]), part


@form(r"All trials: (.*)\.")
def constant(db, parts):
    axes = db.axes + ["seed", "fold"]
    for values in db.all(f"SELECT DISTINCT {', '.join(axes)} FROM comparable_trials"):
        for part in parts.split(", "):
            assert db.has(dict(zip(axes, values)), part), (part, values)


def level_of(axis, text):
    """The value that "freezing up to features.7" names."""
    if axis == "label":
        return text
    if axis in ("freeze", "band"):
        rest = text.removeprefix("freezing ")
        words = {"everything": "all", "nothing": "none"}
        if found := re.fullmatch(r"the first (\d+) layers|(\d+) % of the layers|up to (.*)|(.* %) of the layers", rest):
            first, share, name, band = found.groups()
            return first or (share and share + "%") or name or band
        return words[rest]
    if text == "a head without hidden layers":
        return "none"
    assert text.startswith(axis.replace("_", " ") + " "), (axis, text)
    return text[len(axis) + 1:]


class Pairs:
    """Differences of configurations that differ in one axis alone, by pairs of its values."""

    def __init__(self, db, axis, condition="true", *values):
        same = [f"a.{other} IS b.{other}" for other in db.axes]
        drop = lambda name: same.remove(f"a.{name} IS b.{name}")
        if axis == "label":
            drop("backbone"), drop("weights")
        elif axis == "band":
            drop("freeze")
        else:
            drop(axis)
        if axis == "head":
            drop("dropout")
            same.append("(a.dropout IS b.dropout OR (a.head = 'none') <> (b.head = 'none'))")
        self.differences, self.pairs = {}, {}
        for left, right, difference, *configurations in db.all(
                f"WITH some AS (SELECT * FROM c LEFT JOIN depths USING (configuration) WHERE {condition}) SELECT a.{axis}, b.{axis},"
                f" b.accuracy - a.accuracy, a.configuration, b.configuration FROM some a JOIN some b ON a.{axis} <> b.{axis} AND {' AND '.join(same)}"
                " WHERE a.accuracy IS NOT NULL AND b.accuracy IS NOT NULL", *values):
            shown = lambda value: f"{value:.6g}" if isinstance(value, float) else str(value)
            self.differences.setdefault((shown(left), shown(right)), []).append(difference)
            self.pairs.setdefault((shown(left), shown(right)), []).append(configurations)

    def by_seed(self, db, left, right):
        """Differences of trials with equal seeds instead of their means."""
        return [row[0] for pair in self.pairs[left, right] for row in db.all(
            "SELECT b.validation_accuracy - a.validation_accuracy FROM leaderboard a JOIN leaderboard b USING (seed, fold)"
            " WHERE a.configuration = ? AND b.configuration = ?", *pair) if row[0] is not None]

    def leader(self, level):
        """It is ahead of those that it is paired with by as much as any other, on average."""
        levels = {left for left, _ in self.differences}
        lead = {one: mean([mean(d) for (_, to), d in self.differences.items() if to == one]) for one in levels}
        assert lead[level] >= max(lead.values()) - 1e-12, (level, lead)


OUTCOMES = {"beats": 1, "is nominally higher than": 1, "falls behind": -1, "is nominally lower than": -1, "equals": 0}
ITEM = (r"(.+?) (by (\S+) points|to within 0\.05 points) \((95 % CI (\S+) to (\S+), )?(\d+) (pairs?|seeds?)\)")


def effect(db, axis, text, pairs, where=""):
    """Sentences on one axis: each has a leader, a verdict and those that it leads."""
    leader, named = None, set()
    for sentence in re.findall(r"(.*?\))\.(?: |$)", text):
        sentence = sentence.removeprefix(where)
        before, verb, items = re.fullmatch(
            r"((?:[Nn]o significant difference|[Tt]oo few pairs for a test): )?(.*?) "
            rf"({'|'.join(OUTCOMES)}) (.*)", sentence).group(1, 3, 4)
        subject = sentence.removeprefix(before or "").split(f" {verb} ")[0]
        level = level_of(axis, subject if axis == "label" else subject[0].lower() + subject[1:])
        assert leader in (None, level), (leader, level)
        leader = level
        for item in re.split(r"(?<=\)) and |(?<=\)), ", items):
            other_text, by, points, _, low, high, count, kind = re.fullmatch(ITEM, item).groups()
            other = level_of(axis, other_text)
            differences = pairs.differences[other, level]
            if len(differences) < 3 and len(by_seed := pairs.by_seed(db, other, level)) >= 3:
                differences = by_seed
                assert kind.startswith("seed"), item
            else:
                assert kind.startswith("pair"), item
            if OUTCOMES[verb] < 0:
                differences = [-difference for difference in differences]
            assert int(count) == len(differences), (item, differences)
            near(points or "0.0", 100 * mean(differences), item)
            assert (points is None) == (verb == "equals"), item
            tested = len(differences) >= 3 and deviation(differences) > 1e-9
            p = t_test(differences) if tested else math.nan
            told = "" if p < 0.05 else "No significant difference: " if tested else "Too few pairs for a test: "
            assert (before or "").lower() == told.lower(), (item, p)
            if tested:
                near(low, 100 * t_interval(differences)[0], item)
                near(high, 100 * t_interval(differences)[1], item)
            else:
                assert low is None, item
            named.add(other)
    assert named == {other for other, to in pairs.differences if to == leader}, (text, named)
    pairs.leader(leader)


@form(r"- \*\*(.*)\*\*: (\d+) values were tried, too many to compare pair by pair; the chart shows them\.")
def too_many(db, axis, count):
    assert int(count) == db.one(f"SELECT count(DISTINCT {axis.replace(' ', '_')}) FROM c")


@form(r"- \*\*(.*)\*\*: No two configurations differ in this alone, so there is no paired comparison; the chart shows what "
      r"was reached\.")
def no_pairs(db, axis):
    assert not Pairs(db, axis.replace(" ", "_")).differences


@form(r"- \*\*freeze\*\*: ((?:Within|Across backbones).*)")
def depths(db, text):
    parts = {}
    for sentence in re.findall(r".*?\)\.(?= |$)", text):
        where = re.match(r" ?(Within (.*?), |Across backbones, by the share of layers frozen, )", sentence)
        parts.setdefault(where[2], []).append(sentence[where.end():])
    for backbone, sentences in parts.items():
        pairs = Pairs(db, "freeze", "label = ?", backbone) if backbone else Pairs(db, "band")
        effect(db, "freeze" if backbone else "band", " ".join(sentences), pairs)
    some = {label for label, in db.all("SELECT label FROM c GROUP BY label") if Pairs(db, "freeze", "label = ?", label).differences}
    assert set(parts) - {None} == some and (None in parts) == bool(Pairs(db, "band").differences)


@form(r"- \*\*(.*)\*\*: (.*(?:beats|falls behind|is nominally|equals) .*)")
def hyperparameter(db, axis, text):
    axis = axis.replace(" ", "_")
    effect(db, axis, text, Pairs(db, axis))


@form(r"All else equal: (.*(?:beats|falls behind|is nominally|equals) .*)")
def backbones_all_else_equal(db, text):
    effect(db, "label", text, Pairs(db, "label"))


@form(r"All else equal: No two configurations differ in this alone, .*")
def backbones_without_pairs(db):
    assert not Pairs(db, "label").differences


@form(r"The best configuration of (\S+) reaches (\S+) %\. Those of the others: (.*)\.")
def backbones(db, label, accuracy, others):
    ranked, best = db.ranked(), {}
    for configuration in ranked:
        best.setdefault(db.one("SELECT label FROM c WHERE configuration = ?", configuration), configuration)
    assert label == next(iter(best))
    near(accuracy, 100 * mean(db.accuracies(ranked[0])))
    others = others.split("; ")
    assert len(others) == len(best) - 1
    for other, (name, configuration) in zip(others, list(best.items())[1:]):
        stated, value, text = re.fullmatch(r"(.*) \((\S+) %\) is (.*)", other).groups()
        assert stated == name
        near(value, 100 * mean(db.accuracies(configuration)))
        verdict(db, text, configuration)


@form(r"The best (\d+) of (\d+) values\.")
def values_shown(db, shown, count):
    assert int(shown) < int(count)


@form(r"(\d+) of (\d+) configurations\.")
def configurations_shown(db, shown, count):
    assert int(shown) < int(count) == db.one("SELECT count(*) FROM c")


@form(r"(\d+) of (\d+) configurations?: the best, the best of every other backbone, then the next best, each by its best trial\. "
      r"Accuracy above, loss below, all on the same scales\. Thin lines are training, thick lines validation\. A dashed line marks "
      r"the epoch after which a configuration overfits\.")
def curves_shown(db, shown, count):
    assert int(count) == db.one("SELECT count(*) FROM c") and int(shown) == min(6, int(count))


@form(r"\*\*(.*?)(, seed (\d+))?: (\S+) %\*\*")
def curve_heading(db, label, _, seed, accuracy):
    shown = db.all("SELECT 1 FROM leaderboard JOIN c USING (configuration) WHERE label = ? AND (? IS NULL OR seed = ?) AND"
                   " abs(100 * validation_accuracy - ?) <= 0.0051", label, seed, seed, accuracy)
    assert shown, (label, seed, accuracy)


@form(r"\*\*[a-zA-Z -]+\*\*")
def chart_heading(db):
    pass


def of_trial(db, text):
    """The trial that a caption names by its values, with the seed where there are several."""
    parts = text.split(", ")
    seed = next((part[5:] for part in parts if part.startswith("seed ")), None)
    trial = db.best_trial(db.named(", ".join(part for part in parts if not part.startswith("seed "))))
    assert seed in (None, str(db.one("SELECT seed FROM trials WHERE id = ?", trial))), (text, trial)
    return trial


def noise_of(losses):
    bends = sorted(abs(a - 2 * b + c) for a, b, c in zip(losses, losses[1:], losses[2:]))
    return 1.4826 * mean([bends[(len(bends) - 1) // 2], bends[len(bends) // 2]]) / math.sqrt(6)


@form(r"([^*\n|]*?)\. Overfitting: validation loss rises from (\S+) after epoch (\d+) to (\S+) after epoch (\d+), by (\d+) % "
      r"\((\S+); noise of one epoch: (\S+)\)\.")
def overfitting(db, name, lowest, at, last, end, percent, rise, noise):
    losses = [row[0] for row in db.all("SELECT validation_loss FROM epochs WHERE trial = ? ORDER BY epoch", of_trial(db, name))]
    assert len(losses) == int(end) and losses.index(min(losses)) + 1 == int(at)
    near(lowest, min(losses)), near(last, losses[-1])
    near(percent, 100 * (losses[-1] / min(losses) - 1))
    assert abs(number(rise) - (losses[-1] - min(losses))) <= 0.006 * number(rise), (rise, losses)
    assert abs(number(noise) - noise_of(losses)) <= 0.051 * number(noise), (noise, noise_of(losses))
    assert losses[-1] - min(losses) > 3 * noise_of(losses)


@form(r"Trial (\S+?)( \(seed (\d+)\), (the best|one) of the (\d+) trials whose mean validation accuracy is (\S+) %)?: (\d+) of (\d+) "
      r"(validation|test) images correct \((\S+) %\)(; (\d+) more could not be read)?\.")
def correct_images(db, trial, _, seed, best, count, average, correct, images, part, accuracy, __, unreadable):
    judged_trial, judged_part, judged = db.judged()
    assert (trial, part) == (judged_trial, judged_part)
    right = sum(a == b for a, b in judged)
    assert (right, len(judged)) == (int(correct), int(images))
    near(accuracy, 100 * right / len(judged))
    if count:
        accuracies = db.accuracies(db.ranked()[0])
        assert int(count) == len(accuracies) and (best == "the best") == (trial == db.best_trial(db.ranked()[0]))
        near(average, 100 * mean(accuracies))
        assert int(seed) == db.one("SELECT seed FROM trials WHERE id = ?", trial)


@form(r"True class \(rows\) and predicted class \(columns\) of (\d+) (\w+) images\.")
def matrix(db, images, part):
    assert part == db.judged()[1] and int(images) == sum(label >= 0 for label in db.labels(part))


@form(r"No confusion matrix: (\d+) images? of (\d+) class(?:es)?\.")
def no_matrix(db, images, classes):
    assert int(images) == sum(label >= 0 for label in db.labels(db.judged()[1])) and int(classes) == len(db.sweep["classes"])
    assert int(images) < int(classes) or int(classes) > 30


@form(r"No image is misclassified\.")
def no_errors(db):
    assert all(a == b for a, b in db.judged()[2])


@form(r"(\d+) of (\d+), the most frequent confusions first\.")
def photos(db, shown, count):
    assert int(shown) < int(count) == sum(a != b for a, b in db.judged()[2])


@form(r"- (.*): (.*) predicted as (.*)")
def photo(db, path, true, predicted):
    trial, part, _ = db.judged()
    place, label = db.one("SELECT place, label FROM images WHERE data_fingerprint = ? AND part = ? AND path = ?", db.sweep["data"],
                          part, path)
    classes = db.sweep["classes"]
    assert true == classes[label] and predicted == classes[db.predictions(trial, part)[place]]


@form(r"(?:All (\d+)|The best (\d+) of (\d+)) configurations?(, each the mean of its seeds)?, ranked by validation accuracy after the "
      r"last epoch, then by validation loss\.")
def ranking(db, all_of, shown, count, seeds):
    assert int(all_of or count) == db.one("SELECT count(*) FROM c")
    assert bool(seeds) == (db.one("SELECT count(DISTINCT seed) FROM leaderboard") > 1)


@form(r"First (\d+) of (\d+) rows\.")
def first_rows(db, shown, count):
    assert int(shown) == db.last_rows < int(count), (shown, db.last_rows, count)
    assert int(count) in (db.one("SELECT count(*) FROM c"), db.one("SELECT count(*) FROM stages"),
                          len({frozenset(pair) for pair in db.judged()[2] if pair[0] != pair[1]}))


@form(r"Decoding and frozen layers took (.*), once for all trials\. Without sharing they would have taken (.*), (\d+) times as much\.")
def sharing(db, once, each, times):
    shared, alone = db.one("SELECT total(seconds), total(seconds * max(trials, 1)) FROM stages WHERE kind <> 'train' AND NOT reused AND"
                           " error = ''")
    near_time(once, shared), near_time(each, alone), near(times, alone / shared)


@form(r"The run was (interrupted|killed)\. Run the same command again to resume it\.")
def ended_early(db, how):
    outcome = db.one("SELECT coalesce(outcome, 'killed') FROM sweeps ORDER BY id DESC LIMIT 1")
    assert outcome == how, (outcome, how)


@form(r"Wall-clock time: (.*) in (\d+) runs?\. Stages were busy for (.*)\.")
def durations(db, wall, runs, busy):
    expected_wall, expected_runs = db.one("SELECT total(wall_seconds), count(*) FROM sweeps")
    near_time(wall, expected_wall), near(runs, expected_runs)
    near_time(busy, db.one("SELECT total(seconds) FROM stages"))


@form(r"Run of (.*), from the start of its first stage to the end of its last: predicted (.*), (measured|interrupted after) (.*?)"
      r"( \((?:(\d+) % (more|less)|as predicted)\))?\.")
def run_time(db, started, predicted, how, measured, _, percent, side):
    expected, took, at = db.one("SELECT predicted_seconds, seconds, started FROM sweeps WHERE seconds + predicted_seconds IS NOT NULL ORDER BY id DESC LIMIT 1")
    assert abs(float(predicted.split()[0]) - expected) <= 0.006 * expected if expected < 120 else near_time(predicted, expected) is None
    assert abs(float(measured.split()[0]) - took) <= 0.006 * took if took < 120 else near_time(measured, took) is None
    assert at.startswith(started.removesuffix(" UTC").replace(" ", "T")), (started, at)
    if percent:
        near(percent, 100 * abs(took / expected - 1))
        assert (side == "more") == (took > expected)


@form(r"(\d+) class(?:es)? in (.*?), (\d+) training images, (\d+) validation images(?:, (\d+) test images)?(?:, (\d+) unreadable images)?\.")
def data(db, classes, folder, *counts):
    assert int(classes) == len(db.sweep["classes"]) and folder == db.sweep["folder"]
    assert [int(count or 0) for count in counts] == [db.sweep[part] for part in ("train", "validation", "test", "bad")]


@form(r"Run started (\S+); report written .* UTC\.")
def written(db, started):
    assert started == db.one("SELECT started FROM sweeps ORDER BY id DESC LIMIT 1")


@form(r"- \*\*([^*]*)\*\*: ([^ ]+|\d+-.*)")
def winner_value(db, axis, value):
    trial = db.judged()[0]
    assert db.has({axis.replace(" ", "_"): db.one(f"SELECT {axis.replace(' ', '_')} FROM trials WHERE id = ?", trial)}, value), (axis, value)


@form(r"([\w.+-]+(?:, .*)?)")
def names(db, text):
    """A curve's caption, or the classes."""
    if text == ", ".join(db.sweep["classes"]):
        return
    trial = of_trial(db, text)
    losses = [row[0] for row in db.all("SELECT validation_loss FROM epochs WHERE trial = ? ORDER BY epoch", trial)]
    if len(losses) >= 5:
        rise = losses[-1] - min(losses)
        assert rise <= max(3 * noise_of(losses), 0.01 * min(losses)) * (1 + 1e-9), ("overfits unsaid", trial, losses)


def check(db, line):
    """The first form that the whole line has is its check."""
    for pattern, against in FORMS:
        if found := pattern.fullmatch(line):
            against(db, *(found.groups() if against.__name__ != "<lambda>" else ()))
            return against.__name__
    raise AssertionError("no form knows this sentence")


def main():
    db = Database(sys.argv[1])
    lines = open(sys.argv[2], encoding="utf-8").read().split("\n")
    errors, checked, at = [], {}, 0
    while at < len(lines):
        line, first = lines[at], at
        at += 1
        if not line or line.startswith(("#", "![", "    ")):  # headings, figures, the sweep file
            continue
        if line.startswith("|"):
            while lines[at].startswith("|"):
                at += 1
        try:
            name = check(db, re.sub(r"\\(.)", r"\1", line)) if at == first + 1 else check_table(db, lines[first:at]) or "a table"
            checked[name] = checked.get(name, 0) + 1
        except Exception as error:  # all of them are to be seen at once
            errors.append(f"line {first + 1}: {line[:400]}\n    {type(error).__name__}: {error}")
    print("\n".join(errors))
    print(f"{sum(checked.values())} sentences and tables hold, {len(errors)} do not:",
          ", ".join(f"{name} {count}" for name, count in sorted(checked.items())))
    sys.exit(bool(errors))


main()
