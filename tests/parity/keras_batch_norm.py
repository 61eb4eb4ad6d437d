#!/usr/bin/env python3
"""Writes the golden file that tail_model_test compares trainings with whose batch-norms stay in inference mode.

    tests/parity/keras_batch_norm.py tests/worker/torch/golden/keras_batch_norm.json

Needs keras and jax. Keras' MobileNetV2, filled as keras_outputs.py fills it, frozen up to some layer and called with
training=False, as Keras' guide to fine-tuning has it: scale and offset of later batch-norms are trained, their
statistics stay. Two epochs in float64, the head as thaw starts it (counter_random.py), no dropout, Keras' Adam.
"""
import json
import os
import pathlib
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1")

import counter_random
import jax
import numpy as np
from keras_networks import build, keras
from keras.src.backend.common import dtypes
from keras_outputs import CASES, fill

NAME = "keras_mobilenet_v2"
IMAGES, CLASSES, HIDDEN, RATE, EPOCHS, BATCH = 10, 3, 8, 1e-5, 2, 4
FREEZES = ("block_16_project_BN", "block_15_add", "block_14_depthwise")
SIZE, GAIN = 64, CASES[NAME][1]


ROUNDED = dtypes.result_type


def exact(*given):
    """Keras takes float64 beside float32 for float32, and rounds in float64 models, too."""
    return "float64" if "float64" in map(str, given) else ROUNDED(*given)


def preprocessed():
    images = (counter_random.uniform(IMAGES * SIZE * SIZE * 3, 1, "images") * 256).astype(np.uint8)
    return images.reshape(IMAGES, SIZE, SIZE, 3).astype(np.float64) / 127.5 - 1


def order(epoch):
    return np.argsort(counter_random.bits(IMAGES, 1, "shuffle", epoch)).tolist()


def make_model(freeze):
    base = build(NAME, SIZE)
    fill(NAME, base, GAIN)
    frozen = [layer.name for layer in base.layers].index(freeze) + 1
    for layer in base.layers[:frozen]:
        layer.trainable = False
    image = keras.Input((SIZE, SIZE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(base(image, training=False))
    hidden, logits = keras.layers.Dense(HIDDEN, activation="relu"), keras.layers.Dense(CLASSES)
    model = keras.Model(image, logits(hidden(pooled)))
    for number, layer in enumerate((hidden, logits)):
        inputs, outputs = layer.kernel.shape
        layer.kernel.assign(counter_random.glorot(number, inputs, outputs).T)
    return model, frozen


def train(freeze):
    model, frozen = make_model(freeze)
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build(model.trainable_variables)
    trained = [variable.value for variable in model.trainable_variables]
    rest = [variable.value for variable in model.non_trainable_variables]
    state = [variable.value for variable in optimizer.variables]
    data, labels = jax.numpy.asarray(preprocessed()), jax.numpy.arange(IMAGES) % CLASSES

    def loss_of(variables, rows):
        logits, others = model.stateless_call(variables, rest, data[rows], training=False)
        logs = jax.nn.log_softmax(logits)
        return -logs[jax.numpy.arange(len(rows)), labels[rows]].mean(), others

    step = jax.jit(jax.value_and_grad(loss_of, has_aux=True))
    epochs = []
    for epoch in range(1, EPOCHS + 1):
        rows, total = order(epoch), 0.0
        for at in range(0, IMAGES, BATCH):
            batch = rows[at:at + BATCH]
            (loss, others), gradients = step(trained, np.array(batch))
            assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(rest, others)), "statistics changed"
            trained, state = optimizer.stateless_apply(state, gradients, trained)
            total += float(loss) * len(batch)
        held_out, _ = jax.jit(loss_of)(trained, np.arange(IMAGES))
        epochs.append({"train_loss": total / IMAGES, "validation_loss": float(held_out), "order": rows})
    return {"frozen_layers": frozen, "epochs": epochs}


def main():
    keras.config.set_floatx("float64")
    keras.src.backend.result_type = dtypes.result_type = exact  # of batch-norms, of means
    lines = ",\n".join(f"{json.dumps(freeze)}: {json.dumps(train(freeze))}" for freeze in FREEZES)
    pathlib.Path(sys.argv[1]).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
