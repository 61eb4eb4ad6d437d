"""What `thaw export --tensorboard` writes, read by the tensorboard package itself: every scalar, and the HParams tab.
Usage: tensorboard_check.py EVENTS TRIALS.json EPOCHS.json (the last two by `thaw export --json`)"""
import json
import math
import sys

try:
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, event_accumulator, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups
except ImportError as error:
    print(error)
    sys.exit(77)

events, trials, epochs = sys.argv[1], json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
METRICS = {"accuracy/validation": "validation_accuracy", "loss/validation": "validation_loss",
           "accuracy/train": "train_accuracy", "loss/train": "train_loss", "auc/validation": "validation_auc",
           "top5_accuracy/validation": "validation_top5_accuracy"}
SCALARS = {**METRICS, "learning_rate": "learning_rate"}
started = [trial for trial in trials if trial["state"] != "waiting"]

for trial in started:
    accumulator = event_accumulator.EventAccumulator(f"{events}/{trial['trial']}")
    accumulator.Reload()
    own = [row for row in epochs if row["trial"] == trial["trial"]]
    for tag, column in SCALARS.items():
        expected = [(row["epoch"], row[column]) for row in own if row[column] is not None]
        found = [(s.step, s.value) for s in accumulator.Scalars(tag)] if expected else []
        assert [step for step, _ in found] == [step for step, _ in expected], (trial["trial"], tag, found)
        # tensorboard keeps float32
        assert all(math.isclose(a, b, rel_tol=1e-6) for (_, a), (_, b) in zip(found, expected)), (found, expected)

multiplexer = plugin_event_multiplexer.EventMultiplexer()
multiplexer.AddRunsFromDirectory(events)
multiplexer.Reload()
provider = data_provider.MultiplexerDataProvider(multiplexer, events)
plugin, request = backend_context.Context(base_plugin.TBContext(data_provider=provider)), context.RequestContext()
experiment = get_experiment.Handler(request, plugin, "", api_pb2.GetExperimentRequest()).run()
names = {info.name for info in experiment.hparam_infos}
assert {"backbone", "freeze", "learning_rate", "seed", "precision"} <= names, names
assert ("schedule" in names) == (len({trial["schedule"] for trial in trials}) > 1), names
assert "class_weights" not in names, "goes without saying"
measured = {tag for tag, column in METRICS.items()
            if not column.endswith(("auc", "top5_accuracy")) or any(trial[column] is not None for trial in trials)}
assert {info.name.tag for info in experiment.metric_infos} == measured
question = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=10000,
                                            allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS,
                                                              api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING])
question.aggregation_type = api_pb2.AGGREGATION_AVG
question.aggregation_metric.tag = "accuracy/validation"
for info in experiment.metric_infos:
    question.col_params.add().metric.tag = info.name.tag
answer = list_session_groups.Handler(request, plugin, "", question).run()
groups = {}
for trial in started:
    groups.setdefault(trial["configuration"], []).append(trial)
assert answer.total_size == len(groups), (answer.total_size, len(groups))
for group in answer.session_groups:
    members = groups[group.name]
    assert len(group.sessions) == len(members), "seeds are one group"
    assert group.hparams["backbone"].string_value == members[0]["backbone"]
    assert group.hparams["learning_rate"].number_value == members[0]["learning_rate"]
    wanted = {"finished": api_pb2.STATUS_SUCCESS, "stopped": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE,
              "running": api_pb2.STATUS_RUNNING}
    states = {session.name: session.status for session in group.sessions}
    assert states == {trial["trial"]: wanted[trial["state"]] for trial in members}, states
    values = [value.value for value in group.metric_values if value.name.tag == "accuracy/validation"]
    last = [trial["validation_accuracy"] for trial in members if trial["validation_accuracy"] is not None]
    if len(last) == len(members):
        assert math.isclose(values[0], sum(last) / len(last), rel_tol=1e-5), (values, last)
print(f"{len(started)} trials in {len(groups)} session groups, as tensorboard reads them")
