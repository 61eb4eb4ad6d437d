"""What `thaw export --optuna` writes, opened by optuna itself.
Usage: optuna_check.py STUDY.db TRIALS.json EPOCHS.json (the last two by `thaw export --json`)"""
import json
import sys

try:
    import optuna
    import pandas  # noqa: F401 (optuna's data frames)
except ImportError as error:
    print(error)
    sys.exit(77)

storage, trials, epochs = sys.argv[1], json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
optuna.logging.set_verbosity(optuna.logging.ERROR)
url = "sqlite:///" + storage
name = optuna.get_all_study_names(url)[0]
study = optuna.load_study(study_name=name, storage=url)
assert study.direction == optuna.study.StudyDirection.MAXIMIZE
State = optuna.trial.TrialState
STATES = {"stopped": State.PRUNED, "failed": State.FAIL, "running": State.RUNNING, "waiting": State.WAITING}
found = {trial.user_attrs["trial"]: trial for trial in study.trials}
assert len(found) == len(study.trials) == len(trials)
for expected in trials:
    trial = found[expected["trial"]]
    accuracy = expected["validation_accuracy"]
    finished = State.COMPLETE if accuracy is not None else State.FAIL
    assert trial.state == STATES.get(expected["state"], finished), (trial, expected)
    if trial.state == State.COMPLETE:
        assert trial.value == accuracy
        assert trial.datetime_start <= trial.datetime_complete
    for parameter, value in trial.params.items():
        assert value == expected[parameter], (parameter, value, expected[parameter])
    if trial.state == State.WAITING:
        assert trial.system_attrs["fixed_params"]["learning_rate"] == expected["learning_rate"]
    if expected["message"]:
        assert trial.user_attrs["fail_reason"] == expected["message"]
    steps = {row["epoch"]: row["validation_accuracy"] for row in epochs if row["trial"] == expected["trial"]}
    assert all(steps[step] == value or (steps[step] is None and value != value)
               for step, value in trial.intermediate_values.items()) and len(trial.intermediate_values) == len(steps)
done = [trial for trial in trials if trial["validation_accuracy"] is not None and trial["state"] == "finished"]
if done:
    assert study.best_trial.value == max(trial["validation_accuracy"] for trial in done)
    varying = {name for name in study.best_trial.params}
    assert varying == {name for name in trials[0] if name in {"backbone", "weights", "freeze", "pooling", "head",
                       "dropout", "optimizer", "learning_rate", "batch_size", "epochs", "seed", "image_size",
                       "precision", "until", "loss", "label_smoothing", "class_weights", "schedule", "early_stopping",
                       "augment", "fold", "phases"} and len({json.dumps(trial[name]) for trial in trials}) > 1}, varying
frame = study.trials_dataframe()
assert len(frame) == len(trials) and "params_learning_rate" in frame
# It goes on from there: what waits first, then what the sampler suggests.
before = len(study.trials)
rates = study.best_trial.distributions["learning_rate"]
study.optimize(lambda trial: trial.suggest_float("learning_rate", rates.low, rates.high, log=rates.log), n_trials=2)
waiting = sum(trial["state"] == "waiting" for trial in trials)
assert len(study.trials) == before + max(0, 2 - waiting)
print(f"optuna {optuna.__version__}: {len(trials)} trials of {name!r}, best {study.best_value}")
