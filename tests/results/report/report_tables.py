"""Holds the tables of a report against its database."""
import math
import re

from recomputed import *


# By their first headings.

def leaderboard_rows(db, heads, rows):
    ranked = db.ranked()
    for place, row in enumerate(rows):
        cells = dict(zip(heads, row))
        values = db.accuracies(ranked[place])
        assert int(cells["rank"]) == place + 1 and cells["best trial"].strip("`") == db.best_trial(ranked[place]), (place, cells)
        near(cells["validation accuracy"].rstrip(" %"), 100 * mean(values))
        near_interval(cells["95 % CI"], db.interval(ranked[place]))
        seeds = re.fullmatch(r"(\d+)(?: \(± (\S+)\))?(?:, (\d+) diverged)?", cells["seeds (± sd)"])
        assert int(seeds[1]) == len(values)
        if seeds[2]:
            near(seeds[2], 100 * deviation(values))
        train, loss, seconds = db.one("SELECT train_accuracy, validation_loss, seconds FROM c WHERE configuration = ?", ranked[place])
        near(cells["training accuracy"].rstrip(" %"), 100 * train), near(cells["validation loss"], loss)
        near_time(cells["training time"], seconds)


def backbone_rows(db, heads, rows):
    for place, row in enumerate(rows):
        cells = dict(zip(heads, row))
        configuration = db.named(", ".join(filter(None, (cells["backbone"], cells["best configuration"]))))
        near(cells["validation accuracy"].rstrip(" %"), 100 * mean(db.accuracies(configuration)))
        near_interval(cells["95 % CI"], db.interval(configuration))
        if place > 0:
            verdict(db, cells["difference"], configuration)
        frozen = frozen_seconds(db, cells["backbone"])
        assert (cells["frozen layers, per image"] == "–") == (frozen is None)
        if frozen is not None:
            near_time(cells["frozen layers, per image"], frozen)
        epochs, batch, seconds = db.one("SELECT epochs, batch_size, seconds FROM c WHERE configuration = ?", configuration)
        near_time(cells["training step"], seconds / (epochs * math.ceil(db.sweep["train"] / batch)))


def matrix_rows(db, heads, rows):
    counts, classes = {}, db.sweep["classes"]
    for pair in db.judged()[2]:
        counts[pair] = counts.get(pair, 0) + 1
    for row in rows:
        for predicted, cell in zip(heads[1:], row[1:]):
            assert int(cell or 0) == counts.get((classes.index(row[0]), classes.index(predicted)), 0), (row, predicted)


def score_rows(db, heads, rows):
    judged, classes = db.judged()[2], db.sweep["classes"]
    for name, images, predicted, *scores in rows[:-1]:
        i = classes.index(name)
        shown, said, right = sum(a == i for a, _ in judged), sum(b == i for _, b in judged), sum(a == b == i for a, b in judged)
        assert (int(images), int(predicted)) == (shown, said)
        for score, part, whole in zip(scores, (right, right, 2 * right), (said, shown, said + shown)):
            assert score == "–" if whole == 0 else near(score, part / whole) is None, (name, score)


def confused_rows(db, heads, rows):
    judged, classes = db.judged()[2], db.sweep["classes"]
    for a, b, there, back in rows:
        i, k = classes.index(a), classes.index(b)
        assert (judged.count((i, k)), judged.count((k, i))) == (int(there), int(back))


def depth_rows(db, heads, rows):
    for label, *cells in rows:
        for freeze, cell in zip(heads[1:], cells):
            best = db.one("SELECT max(accuracy) FROM c WHERE label = ? AND freeze = ?", label, freeze)
            assert best is None if not cell else near(cell.rstrip(" %"), 100 * best) is None


def stage_rows(db, heads, rows):
    for row in rows:
        cells = dict(zip(heads, row))
        stages, trials, reused, failed = db.one(
            "SELECT count(*), sum(trials), sum(reused), sum(error <> '') FROM stages WHERE kind = ?", cells["kind"])
        assert [stages, trials, reused, failed] == [int(cells[name]) for name in ("stages", "trials", "reused", "failed")]
        predicted, took = db.one("SELECT total(predicted_seconds), total(seconds) FROM stages WHERE kind = ? AND NOT reused AND"
                                 " error = ''", cells["kind"])
        near_time(cells["predicted"], predicted), near_time(cells["measured"], took)


def pruned_rows(db, heads, rows):
    for trials, epoch, best, _ in rows:
        near(best.rstrip(" %"), 100 * db.one("SELECT max(validation_accuracy) FROM stopped_trials WHERE stopped_after = ?", int(epoch)))
        assert int(trials) == db.one("SELECT count(*) FROM stopped_trials WHERE stopped_after = ?", int(epoch))


def failed_rows(db, heads, rows):
    for trials, message, _ in rows:
        assert int(trials) == db.one("SELECT count(*) FROM failed_trials WHERE message = ?", message)


TABLES = {"rank": leaderboard_rows, "backbone": backbone_rows, "true / predicted": matrix_rows, "class": score_rows,
          "class A": confused_rows, "backbone / freeze": depth_rows, "kind": stage_rows, "what": lambda *_: None,
          "run": lambda *_: None}


def check_table(db, lines):
    split = lambda line: [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
    heads, rows = split(lines[0]), [split(line) for line in lines[2:]]
    db.last_rows = len(rows)
    if heads[0] == "kind" and heads[1] == "what":  # single stages
        return
    if heads[0] == "trials":
        return (pruned_rows if heads[1] == "after epoch" else failed_rows)(db, heads, rows)
    TABLES[heads[0]](db, heads, rows)
