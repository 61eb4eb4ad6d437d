#!/usr/bin/env python3
"""Writes the golden file that head_model_test compares thaw's heads and optimizers with: ten steps of each, by Keras.

    tests/parity/keras_optimizers.py tests/worker/heads/golden/keras_optimizers.json

Needs keras 3 and jax. A head of 6 -> 4 (ReLU) -> 3 logits is trained in float64 on batches of 8 rows out of 20; start,
features and labels come from counter_random.py.
"""
import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
import keras
import numpy as np

import counter_random

INPUTS, HIDDEN, CLASSES, ROWS, BATCH, STEPS = 6, 4, 3, 20, 8, 10
RATE = 0.05
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(RATE),
    "adam(beta1=0.8,beta2=0.95,epsilon=0.001)":
        lambda: keras.optimizers.Adam(RATE, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
    "sgd": lambda: keras.optimizers.SGD(RATE),
    "sgd(momentum=0.9)": lambda: keras.optimizers.SGD(RATE, momentum=0.9),
    "sgd(momentum=0.9,nesterov)": lambda: keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(RATE),
    "rmsprop(momentum=0.9)": lambda: keras.optimizers.RMSprop(RATE, momentum=0.9),
    "rmsprop(rho=0.8,epsilon=0.001)": lambda: keras.optimizers.RMSprop(RATE, rho=0.8, epsilon=1e-3),
}


def train(optimizer):
    hidden, logits = keras.layers.Dense(HIDDEN, activation="relu"), keras.layers.Dense(CLASSES)
    model = keras.Sequential([keras.Input((INPUTS,)), hidden, logits])
    hidden.set_weights([counter_random.glorot(0, INPUTS, HIDDEN).T, np.zeros(HIDDEN)])
    logits.set_weights([counter_random.glorot(1, HIDDEN, CLASSES).T, np.zeros(CLASSES)])
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    features = counter_random.within((ROWS, INPUTS), -1, 1, "features").astype(np.float64)
    losses = []
    for step in range(STEPS):
        rows = (np.arange(BATCH) + BATCH * step) % ROWS
        losses.append(float(model.train_on_batch(features[rows], rows % CLASSES)))
        model.reset_metrics()
    parameters = [value for layer in (hidden, logits) for weights in [layer.get_weights()]
                  for value in [*weights[0].T.ravel().tolist(), *weights[1].tolist()]]
    return {"losses": losses, "parameters": parameters}


def main():
    keras.config.set_floatx("float64")
    results = {name: train(make()) for name, make in OPTIMIZERS.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in results.items())
    pathlib.Path(sys.argv[1]).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
