"""Lays thaw's runs and Keras' beside each other: tables.md and figure.png.

    python compare.py FOLDER     # FOLDER/runs/side_NAME/results.db, FOLDER/thaw/NAME.seconds and FOLDER/keras/NAME.json

An accuracy is a mean over the seeds and the deviation between them (n - 1); p is Welch's t test for unequal variances:
how often seeds alone would put the two means that far apart. Both programs must have validated on the same photos.
"""

import json
import pathlib
import sqlite3
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot
import numpy
from scipy import stats

CASES = {
    "vgg16_frozen": "VGG16, frozen",
    "vgg16_unfrozen": "VGG16, all trains",
    "vgg16_augmented": "VGG16, augmented",
    "xception_mixed": "Xception until add_6",
    "resnet50": "ResNet50, 50 frozen",
    "mobilenet": "MobileNet, 50 frozen",
}
METRICS = ["validation_accuracy", "train_accuracy", "validation_loss", "train_loss"]
COLOURS = {"thaw": "#0b6e99", "Keras": "#d9730d"}


def dropout_name(rate):
    return "-".join(f"{r:g}" for r in rate) if isinstance(rate, list) else f"{rate:g}"


def keras_curves(folder, name):
    """{dropout: {metric: [seed, epoch]}}, processor seconds, validation photos."""
    trials = json.loads((folder / "keras" / f"{name}.json").read_text())["trials"]
    curves = {}
    for trial in trials:
        of = curves.setdefault(dropout_name(trial["dropout"]), {metric: [] for metric in METRICS})
        for metric in METRICS:
            of[metric].append(trial[metric])
    return curves, sum(trial["processor_seconds"] for trial in trials), sorted(trials[0]["validation_photos"])


def thaw_curves(folder, name):
    """As keras_curves."""
    path = folder / "runs" / f"side_{name}" / "results.db"
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    curves = {}
    for trial, dropout in database.execute("SELECT id, dropout FROM trials WHERE state = 'finished' ORDER BY seed"):
        of = curves.setdefault(dropout, {metric: [] for metric in METRICS})
        epochs = database.execute(f"SELECT {', '.join(METRICS)} FROM epochs WHERE trial = ? ORDER BY epoch", [trial])
        for metric, values in zip(METRICS, zip(*epochs.fetchall()), strict=True):
            of[metric].append(values)
    photos = sorted(path for (path,) in database.execute("SELECT path FROM images WHERE part = 'validation'"))
    return curves, float((folder / "thaw" / f"{name}.seconds").read_text()), photos


def last(curves, metric):
    return numpy.array(curves[metric])[:, -1]


def spread(values):
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def draw(axes, title, curves):
    for program, colour in COLOURS.items():
        values = numpy.array(curves[program]["validation_accuracy"])
        epochs = numpy.arange(1, values.shape[1] + 1)
        axes.plot(epochs, values.T, color=colour, alpha=0.3, linewidth=0.8)
        axes.plot(epochs, values.mean(axis=0), color=colour, label=program, linewidth=2)
    axes.set_title(title, fontsize=9)
    axes.set_xticks(epochs)
    axes.tick_params(labelsize=7)


def main():
    folder = pathlib.Path(sys.argv[1])
    accuracies = ["| case | thaw | Keras | p | thaw, training | Keras, training | thaw, loss | Keras, loss |",
                  "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    seconds = ["| sweep | thaw, s | Keras, s | times less |", "| --- | --- | --- | --- |"]
    panels = []
    for name, title in CASES.items():
        if not ((folder / "keras" / f"{name}.json").exists() and (folder / "thaw" / f"{name}.seconds").exists()):
            print(f"{name}: left out, it was not run")
            continue
        keras, keras_seconds, keras_photos = keras_curves(folder, name)
        thaw, thaw_seconds, thaw_photos = thaw_curves(folder, name)
        if keras_photos != thaw_photos:
            raise SystemExit(f"{name}: the two validated on other photos")
        seconds.append(f"| {title} | {thaw_seconds:.0f} | {keras_seconds:.0f} | {keras_seconds / thaw_seconds:.1f} |")
        for dropout in keras:
            of = {"thaw": thaw[dropout], "Keras": keras[dropout]}
            case = title if len(keras) == 1 else f"{title}, dropout {dropout}"
            ours, theirs = last(of["thaw"], METRICS[0]), last(of["Keras"], METRICS[0])
            cells = [case, spread(ours), spread(theirs), f"{stats.ttest_ind(ours, theirs, equal_var=False).pvalue:.2f}"]
            cells += [spread(last(of[program], metric)) for metric in METRICS[1:3] for program in of]
            accuracies.append(f"| {' | '.join(cells)} |")
            panels.append((case, of))
    (folder / "tables.md").write_text("\n".join([*accuracies, "", *seconds, ""]))
    figure, axes = matplotlib.pyplot.subplots(2, (len(panels) + 1) // 2, figsize=(12, 5), layout="constrained")
    for axis, (case, of) in zip(axes.flat, panels, strict=False):
        draw(axis, case, of)
    for axis in list(axes.flat)[len(panels):]:
        axis.set_visible(False)
    axes.flat[0].legend(fontsize=8)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("validation accuracy (thin: a seed; thick: their mean)", fontsize=9)
    figure.savefig(folder / "figure.png", dpi=90)


if __name__ == "__main__":
    main()
