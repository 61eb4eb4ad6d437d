#!/usr/bin/env python3
"""Writes the golden file that heads_test and tails_test compare thaw's optimizers with, in both styles and with all their
options: ten steps of each by Keras 3 and by torch.optim, in float64.

    tests/parity/optimizer_options.py tests/worker/heads/golden/optimizer_options.json

Needs torch and keras. The head of 6 -> 4 (ReLU) -> 3 logits is that of keras_optimizers.py; after five steps the learning
rate becomes another. A case is named by what a sweep file says.
"""
import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import torch

import counter_random

INPUTS, HIDDEN, CLASSES, ROWS, BATCH, STEPS = 6, 4, 3, 20, 8, 10
RATE, LATER_RATE, CHANGE = 0.05, 0.02, 5
KINDS = {
    "adam": [{}, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}],
    "adamw": [{}, {"beta1": 0.8, "epsilon": 1e-3}],
    "sgd": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "rmsprop": [{}, {"momentum": 0.9}, {"rho": 0.8, "epsilon": 1e-3}],
}
# Gradients of this head are about 0.05 to 0.3, tensors' norms 0.1 to 0.6: all of these change steps.
COMMON = [{}, {"weight_decay": 0.1}, {"clipvalue": 2.0**-6}, {"clipnorm": 0.125}, {"global_clipnorm": 0.25},
          {"clipnorm": 0.125, "weight_decay": 0.1}]
KERAS = {"beta1": "beta_1", "beta2": "beta_2"}


def start():
    return [counter_random.glorot(0, INPUTS, HIDDEN), np.zeros(HIDDEN),
            counter_random.glorot(1, HIDDEN, CLASSES), np.zeros(CLASSES)]


def batches():
    features = counter_random.within((ROWS, INPUTS), -1, 1, "features").astype(np.float64)
    for step in range(STEPS):
        rows = (np.arange(BATCH) + BATCH * step) % ROWS
        yield features[rows], rows % CLASSES


def mean_loss(parameters, features, labels):
    weights, bias, last_weights, last_bias = parameters
    hidden = torch.relu(torch.nn.functional.linear(torch.tensor(features), weights, bias))
    logits = torch.nn.functional.linear(hidden, last_weights, last_bias)
    return torch.nn.functional.cross_entropy(logits, torch.tensor(labels))


def by_keras(kind, options):
    """Keras' optimizers on PyTorch's gradients: Keras' own training rounds some of what it is given to float32."""
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD,
             "rmsprop": keras.optimizers.RMSprop}
    optimizer = kinds[kind](RATE, **{KERAS.get(name, name): value for name, value in options.items()})
    variables = [keras.Variable(torch.tensor(value), dtype="float64") for value in start()]
    optimizer.build(variables)
    for step, batch in enumerate(batches()):
        if step == CHANGE:
            optimizer.learning_rate = LATER_RATE
        parameters = [variable.value.detach().clone().requires_grad_() for variable in variables]
        loss = mean_loss(parameters, *batch)
        loss.backward()
        optimizer.apply([parameter.grad for parameter in parameters], variables)
    return loss.item(), [value for variable in variables for value in variable.value.detach().ravel().tolist()]


def by_pytorch(kind, options):
    parameters = [torch.tensor(value, requires_grad=True) for value in start()]
    own = dict(options)
    clipping = {name: own.pop(name) for name in ("clipvalue", "clipnorm", "global_clipnorm") if name in own}
    if kind.startswith("adam"):
        own["betas"] = (own.pop("beta1", 0.9), own.pop("beta2", 0.999))
    for theirs, ours in {"alpha": "rho", "eps": "epsilon"}.items():
        if ours in own:
            own[theirs] = own.pop(ours)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD,
             "rmsprop": torch.optim.RMSprop}
    optimizer = kinds[kind](parameters, lr=RATE, **own)
    for step, batch in enumerate(batches()):
        if step == CHANGE:
            optimizer.param_groups[0]["lr"] = LATER_RATE
        optimizer.zero_grad()
        loss = mean_loss(parameters, *batch)
        loss.backward()
        if "clipvalue" in clipping:
            torch.nn.utils.clip_grad_value_(parameters, clipping["clipvalue"])
        if "global_clipnorm" in clipping:
            torch.nn.utils.clip_grad_norm_(parameters, clipping["global_clipnorm"])
        for parameter in parameters if "clipnorm" in clipping else []:
            torch.nn.utils.clip_grad_norm_([parameter], clipping["clipnorm"])
        optimizer.step()
    return loss.item(), [value for parameter in parameters for value in parameter.detach().ravel().tolist()]


def main():
    keras.config.set_floatx("float64")
    torch.set_default_dtype(torch.float64)  # or Keras rounds its betas to float32 on the way
    torch.set_num_threads(1)
    cases = []
    for style, train in {"keras": by_keras, "pytorch": by_pytorch}.items():
        for kind, settings in KINDS.items():
            for options in [{**own, **common} for own in settings for common in COMMON]:
                loss, parameters = train(kind, options)
                cases.append({"kind": kind, "options": {"style": style, **options}, "loss": loss,
                              "parameters": parameters})
    lines = ",\n".join(json.dumps(case) for case in cases)
    pathlib.Path(sys.argv[1]).write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
