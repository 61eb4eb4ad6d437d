#!/usr/bin/env python3
"""Writes the golden file that heads and tails are compared with where they have other activations and losses than the
usual: ten steps, an epoch and an evaluation of each, by Keras.

    tests/parity/keras_heads.py tests/worker/heads/golden/keras_heads.json

Needs keras 3 and torch. A head of 6 -> 5 -> 4 -> classes is trained by plain gradient descent in float64 on batches of
8 rows out of 20; start, features and labels come from counter_random.py. It ends, and is compiled, as in articles:
softmax with categorical_crossentropy, sigmoid with binary_crossentropy.
"""
import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes

import counter_random

torch.set_num_threads(1)
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # or Keras on torch multiplies matrices in float32
INPUTS, WIDTHS, ROWS, BATCH, STEPS, RATE = 6, (5, 4), 20, 8, 10, 0.5
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "linear")
CASES = {name: {"activations": [name, name]} for name in ACTIVATIONS} | {
    "one a layer": {"activations": ["tanh", "gelu"]},
    "categorical smoothed": {"label_smoothing": 0.1},
    "categorical weighted": {"class_weights": [0.5, 2.0, 1.0]},
    "categorical smoothed weighted": {"label_smoothing": 0.3, "class_weights": [0.5, 2.0, 1.0]},
    "categorical of two": {"classes": 2, "label_smoothing": 0.2},
    "binary": {"loss": "binary_crossentropy", "classes": 2},
    "binary smoothed": {"loss": "binary_crossentropy", "classes": 2, "label_smoothing": 0.2},
    "binary weighted": {"loss": "binary_crossentropy", "classes": 2, "class_weights": [3.0, 0.25]},
    "binary smoothed weighted": {"loss": "binary_crossentropy", "classes": 2, "label_smoothing": 0.1,
                                 "class_weights": [3.0, 0.25], "activations": ["elu", "tanh"]},
}


def compiled(loss, classes, label_smoothing, activations):
    binary = loss == "binary_crossentropy"
    outputs = 1 if binary else classes
    layers = [keras.layers.Dense(width, activation=name) for width, name in zip(WIDTHS, activations)]
    layers.append(keras.layers.Dense(outputs, activation="sigmoid" if binary else "softmax"))
    model = keras.Sequential([keras.Input((INPUTS,)), *layers])
    sizes = [INPUTS, *WIDTHS, outputs]
    for i, layer in enumerate(layers):
        layer.set_weights([counter_random.glorot(i, sizes[i], sizes[i + 1]).T, np.zeros(sizes[i + 1])])
    kind = keras.losses.BinaryCrossentropy if binary else keras.losses.CategoricalCrossentropy
    model.compile(keras.optimizers.SGD(RATE), kind(label_smoothing=label_smoothing), metrics=["accuracy"])
    return model


def run(loss="categorical_crossentropy", classes=3, label_smoothing=0.0, class_weights=None,
        activations=("relu", "relu")):
    features = counter_random.within((ROWS, INPUTS), -1, 1, "features").astype(np.float64)
    labels = np.arange(ROWS) % classes
    wanted = labels.astype(np.float64)[:, None] if loss == "binary_crossentropy" else np.eye(classes)[labels]
    weights = dict(enumerate(class_weights)) if class_weights else None
    model = compiled(loss, classes, label_smoothing, activations)
    losses = []  # by the compiled loss' own function: the mean that Keras reports of it is rounded to float32
    for step in range(STEPS):
        rows = (np.arange(BATCH) + BATCH * step) % ROWS
        of_images = np.array([weights[label] for label in labels[rows]]) if weights else 1.0
        each = model.loss.call(torch.tensor(wanted[rows]), model(features[rows])).detach()
        assert each.dtype == torch.float64, each.dtype
        losses.append(float((each.numpy() * of_images).mean()))
        model.reset_metrics()
        reported = float(model.train_on_batch(features[rows], wanted[rows], class_weight=weights)[0])
        assert abs(reported - losses[-1]) < 1e-6, (reported, losses[-1])
    parameters = [value for layer in model.layers for values in [layer.get_weights()]
                  for value in [*values[0].T.ravel().tolist(), *values[1].tolist()]]
    evaluated = model.evaluate(features, wanted, batch_size=ROWS, verbose=0)
    again = compiled(loss, classes, label_smoothing, activations)
    epoch = again.fit(features, wanted, batch_size=BATCH, epochs=1, shuffle=False, class_weight=weights,
                      verbose=0).history
    predicted = model.predict(features, batch_size=ROWS, verbose=0)
    if loss == "binary_crossentropy":
        predicted = np.concatenate([1 - predicted, predicted], axis=1)
    return {"loss": loss, "classes": classes, "label_smoothing": label_smoothing, "class_weights": class_weights or [],
            "activations": list(activations), "losses": losses, "parameters": parameters,
            "evaluated_loss": evaluated[0], "evaluated_accuracy": evaluated[1], "epoch_loss": epoch["loss"][0],
            "epoch_accuracy": epoch["accuracy"][0], "probabilities": predicted.ravel().tolist()}


def main():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    results = {name: run(**case) for name, case in CASES.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in results.items())
    pathlib.Path(sys.argv[1]).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
