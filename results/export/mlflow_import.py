#!/usr/bin/env python3
"""Copies a run's trials into MLflow by its own client: parameters, metrics epoch by epoch, how each ended.

    pip install mlflow-skinny        # or mlflow
    results/export/mlflow_import.py quickstart --runs runs --thaw build/quickstart/thaw --tracking-uri sqlite:///mlflow.db

A trial is one MLflow run, named by its id; trials that differ only in their seeds have the same tag `configuration`.
Imported again, a trial that is there is left as it is, unless it had not ended yet."""
import argparse
import datetime
import json
import subprocess

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_auc",
           "validation_top5_accuracy", "learning_rate")
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
MOST_METRICS = 1000  # of one call of log_batch


def milliseconds(utc):
    if utc is None:
        return None
    return round(1000 * datetime.datetime.fromisoformat(utc.replace("Z", "+00:00")).timestamp())


def answer(words, *command):
    return json.loads(subprocess.run([words.thaw, *command, "--runs", words.runs], check=True,
                                     stdout=subprocess.PIPE).stdout)


def export(words, *options):
    return answer(words, "export", words.run, "--json", "-", *options)


def axes_of(words):
    """As the database has them."""
    rows = answer(words, "query", words.run, "SELECT DISTINCT axis FROM axis_ranges", "--json")
    return [row["axis"] for row in rows] + ["frozen_layers", "cut"]


def metrics_of(trial, epochs):
    """What is measured at every epoch, at the time when it was."""
    at = milliseconds(trial["started"]) or 0
    for row in epochs:
        at += round(1000 * (row["seconds"] or 0))
        yield from (Metric(name, row[name], at, row["epoch"]) for name in METRICS if row[name] is not None)


def import_trial(client, experiment, axes, trial, epochs, there):
    known = there.get(trial["trial"])
    if known and known.info.status in ("FINISHED", "FAILED", "KILLED"):
        return False
    if known:
        client.delete_run(known.info.run_id)
    tags = {"mlflow.runName": trial["trial"], "thaw.trial": trial["trial"], "configuration": trial["configuration"]}
    if trial["message"]:
        tags["fail_reason"] = trial["message"]
    run = client.create_run(experiment, start_time=milliseconds(trial["started"]), tags=tags).info.run_id
    metrics = list(metrics_of(trial, epochs))
    client.log_batch(run, params=[Param(axis, str(trial[axis])) for axis in axes])
    for begin in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run, metrics=metrics[begin:begin + MOST_METRICS])
    if trial["state"] != "running":
        client.set_terminated(run, STATUS[trial["state"]], milliseconds(trial["finished"]))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a sweep's name, its run folder, or its results.db")
    parser.add_argument("--runs", default="runs", help="where run folders lie (default: runs)")
    parser.add_argument("--thaw", default="thaw", help="the program (default: thaw)")
    parser.add_argument("--tracking-uri", help="where MLflow keeps its runs (default: MLflow's)")
    parser.add_argument("--experiment", help="its name (default: that of the run)")
    words = parser.parse_args()
    client = MlflowClient(tracking_uri=words.tracking_uri)
    name = words.experiment or words.run
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    there, token = {}, None
    while True:
        page = client.search_runs([experiment], page_token=token)
        there.update({run.data.tags.get("thaw.trial"): run for run in page})
        token = page.token
        if not token:
            break
    epochs = {}
    for row in export(words, "--epochs"):
        epochs.setdefault(row["trial"], []).append(row)
    trials = [trial for trial in export(words) if trial["state"] != "waiting"]
    axes = axes_of(words)
    new = sum(import_trial(client, experiment, axes, trial, epochs.get(trial["trial"], []), there) for trial in trials)
    print(f"{new} of {len(trials)} trials imported into experiment {name!r}")


if __name__ == "__main__":
    main()
