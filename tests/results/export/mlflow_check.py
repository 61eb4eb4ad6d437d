"""Imports a run into a fresh MLflow by results/export/mlflow_import.py, twice, and compares what its client then finds.
Usage: mlflow_check.py THAW RESULTS.db TRIALS.json EPOCHS.json SCRATCH AXES, how many there are"""
import json
import os
import subprocess
import sys

try:
    from mlflow.tracking import MlflowClient
except ImportError as error:
    print(error)
    sys.exit(77)

thaw, results, trials, epochs, scratch, axes = sys.argv[1:]
trials, epochs = json.load(open(trials)), json.load(open(epochs))
importer = os.path.join(os.path.dirname(__file__), "../../../results/export/mlflow_import.py")


def find_uri():
    """mlflow-skinny has no SQLAlchemy: then files, which newer versions want to be asked for twice."""
    try:
        import sqlalchemy  # noqa: F401
        import alembic  # noqa: F401
        return f"sqlite:///{scratch}/mlflow.db"
    except ImportError:
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        return f"file://{scratch}/mlruns"


uri = find_uri()
command = [sys.executable, importer, results, "--thaw", thaw, "--tracking-uri", uri, "--experiment", "flowers"]
print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="")
client = MlflowClient(tracking_uri=uri)
experiment = client.get_experiment_by_name("flowers").experiment_id


def found():
    return {run.data.tags["thaw.trial"]: run for run in client.search_runs([experiment], max_results=10000)}


runs = found()
started = [trial for trial in trials if trial["state"] != "waiting"]
assert set(runs) == {trial["trial"] for trial in started}
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "running": "RUNNING"}
for trial in started:
    run = runs[trial["trial"]]
    assert run.info.status == STATUS[trial["state"]], (run.info.status, trial["state"])
    assert run.data.params["learning_rate"] == str(trial["learning_rate"])
    assert run.data.params["seed"] == str(trial["seed"])
    assert run.data.params["schedule"] == trial["schedule"]
    assert run.data.params["cut"] == str(trial["cut"])
    assert len(run.data.params) == int(axes) + 2, run.data.params
    assert run.data.tags["configuration"] == trial["configuration"]
    own = [row for row in epochs if row["trial"] == trial["trial"]]
    for name in ("validation_accuracy", "train_loss"):
        expected = [(row["epoch"], row[name]) for row in own if row[name] is not None]
        history = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert sorted(history) == expected, (history, expected)
print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="")
again = found()
ended = [trial["trial"] for trial in started if trial["state"] != "running"]
assert all(again[trial].info.run_id == runs[trial].info.run_id for trial in ended), "imported twice"
assert len(again) == len(runs)
