#!/usr/bin/env python3
"""Writes the golden file that trial_test compares schedules and early stopping with: PyTorch's schedulers, and Keras'
ReduceLROnPlateau and EarlyStopping shown the same made-up histories.

    tests/parity/training_control.py tests/common/trial/golden/training_control.json

Needs torch and keras.
"""
import itertools
import json
import os
import pathlib
import sys
import warnings

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import torch
from torch.optim import lr_scheduler

RATE, EPOCHS = 0.05, 20
KERAS_NAMES = {"validation_loss": "val_loss", "validation_accuracy": "val_accuracy", "train_loss": "loss",
               "train_accuracy": "accuracy"}


def history(seed):
    """Losses that fall and accuracies that rise, both in steps, with relapses."""
    random = np.random.default_rng(seed)
    metrics = {}
    for part in ("train", "validation"):
        noise = random.normal(0, 0.15, EPOCHS)
        loss = np.round(1.5 * np.exp(-np.arange(EPOCHS) / 6) + np.abs(noise), 1 + seed % 3)
        accuracy = np.round(np.clip(1 - np.exp(-(np.arange(EPOCHS) + 1) / 5) + noise / 2, 0, 1), 1 + seed % 3)
        metrics[f"{part}_loss"], metrics[f"{part}_accuracy"] = loss.tolist(), accuracy.tolist()
    return metrics


def schedules():
    kinds = {
        "constant": ({}, lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1.0)),
        "step": ({"every": 3, "factor": 0.1}, lambda optimizer: lr_scheduler.StepLR(optimizer, 3, gamma=0.1)),
        "exponential": ({"factor": 0.9}, lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.9)),
        "cosine": ({"over": EPOCHS, "floor": 1e-3},
                   lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS, eta_min=1e-3)),
    }
    for (kind, (settings, make)), warm_up in itertools.product(kinds.items(), (0, 1, 4)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True, dtype=torch.float64)], lr=RATE)
        if warm_up:
            rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / (warm_up + 1), total_iters=warm_up)
            scheduler = lr_scheduler.SequentialLR(optimizer, [rise, make(optimizer)], milestones=[warm_up])
        else:
            scheduler = make(optimizer)
        rates = []
        for _ in range(EPOCHS):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
        yield {"schedule": {"kind": kind, "warm_up": warm_up, **settings}, "rates": rates}


def small_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(RATE), "mse", metrics=["accuracy"])
    return model


def logs_of(metrics, epoch):
    return {KERAS_NAMES[name]: values[epoch] for name, values in metrics.items()}


def mode_of(monitor):
    return "min" if monitor.endswith("loss") else "max"


def plateaus():
    settings = itertools.product(KERAS_NAMES, (0, 1, 3), (0, 2), (0.0, 0.06), (0.0, 0.004))
    for number, (monitor, patience, cooldown, min_delta, floor) in enumerate(settings):
        if number % 3:
            continue
        model, metrics = small_model(), history(number)
        callback = keras.callbacks.ReduceLROnPlateau(KERAS_NAMES[monitor], factor=0.5, patience=patience,
                                                     mode=mode_of(monitor), min_delta=min_delta, cooldown=cooldown,
                                                     min_lr=floor)
        callback.set_model(model)
        callback.on_train_begin()
        rates = []
        for epoch in range(EPOCHS):
            rates.append(float(model.optimizer.learning_rate.value.item()))
            callback.on_epoch_end(epoch, logs_of(metrics, epoch))
        yield {"schedule": {"kind": "reduce_on_plateau", "monitor": monitor, "factor": 0.5, "patience": patience,
                            "cooldown": cooldown, "min_delta": min_delta, "floor": floor},
               "history": metrics[monitor], "rates": rates}


def stops():
    settings = itertools.product(KERAS_NAMES, (0, 1, 2, 5), (0.0, 0.06), (False, True))
    for number, (monitor, patience, min_delta, restore_best) in enumerate(settings):
        model, metrics = small_model(), history(100 + number)
        callback = keras.callbacks.EarlyStopping(KERAS_NAMES[monitor], min_delta=min_delta, patience=patience,
                                                 mode=mode_of(monitor), restore_best_weights=restore_best)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch in range(EPOCHS):
            model.set_weights([np.full((1, 1), epoch + 1.0)])  # the weights say which epoch they are of
            callback.on_epoch_end(epoch, logs_of(metrics, epoch))
            if model.stop_training:
                break
        stopped = bool(model.stop_training)
        callback.on_train_end()
        yield {"rule": {"monitor": monitor, "patience": patience, "min_delta": min_delta,
                        "restore_best": restore_best},
               "history": metrics[monitor], "epochs": epoch + 1, "stopped": stopped,
               "result": int(model.get_weights()[0].item())}


def main():
    keras.config.set_floatx("float64")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    lines = {"schedules": [*schedules(), *plateaus()], "stops": list(stops())}
    text = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
                      for name, cases in lines.items())
    pathlib.Path(sys.argv[1]).write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
