#!/usr/bin/env python3
"""head_step.py PROGRAM [ROUNDS]: a training step of a head alone, thaw's beside PyTorch's, on one thread.

PROGRAM is what head_step.cpp becomes (preset bench: build/bench/tests/bench/head_step_bench). The two take turns, and
the fastest of all steps counts, so that what else the machine does falls out of the ratio. "arithmetic" is the share of
thaw's time that the step's multiply-and-adds would take at the rate of the same kernel out of the nearest cache.
"""
import csv
import subprocess
import sys
import time

import torch

ROWS, TRAIN, INPUTS, CLASSES, BATCH = 667, 534, 1280, 10, 16
WIDTHS = {"none": [], "128": [128], "256": [256], "256-128-64": [256, 128, 64]}


def head(widths):
    layers, inputs = [], INPUTS
    for width in widths:
        layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Dropout(0.5)]
        inputs = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(inputs, CLASSES))


# By thaw's names; PyTorch's fastest form of each, which for Adam and SGD is one fused kernel.
OPTIMIZERS = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-4, eps=1e-7, fused=True),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-4, alpha=0.9, eps=1e-7, foreach=True),
    "sgd(momentum=0.9,nesterov=true)": lambda parameters: torch.optim.SGD(
        parameters, lr=1e-4, momentum=0.9, nesterov=True, fused=True),
}


def torch_step(widths, optimizer_name, features, labels, epochs):
    """The fastest step and the fastest evaluation in ms."""
    model = head(widths)
    optimizer = OPTIMIZERS[optimizer_name](list(model.parameters()))
    step = evaluation = float("inf")
    for _ in range(epochs):
        model.train()
        for at in range(0, TRAIN - BATCH + 1, BATCH):
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            logits = model(features[at:at + BATCH])
            torch.nn.functional.cross_entropy(logits, labels[at:at + BATCH]).backward()
            optimizer.step()
            step = min(step, time.perf_counter() - start)
        model.eval()
        start = time.perf_counter()
        with torch.inference_mode():
            logits = model(features[TRAIN:])
            torch.nn.functional.cross_entropy(logits, labels[TRAIN:]).item()
            (logits.argmax(1) == labels[TRAIN:]).sum().item()
        evaluation = min(evaluation, time.perf_counter() - start)
    return 1e3 * step, 1e3 * evaluation


def multiply_adds(widths):
    """Of one step: forward and weight gradient everywhere, input gradient above the first layer."""
    sizes = [INPUTS, *widths, CLASSES]
    products = [a * b for a, b in zip(sizes, sizes[1:])]
    return BATCH * (3 * sum(products) - products[0])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    torch.set_num_threads(1)
    torch.manual_seed(1)
    features, labels = torch.rand(ROWS, INPUTS), torch.arange(ROWS) % CLASSES
    best, rate = {}, 0.0
    for _ in range(rounds):
        lines = subprocess.run([sys.argv[1], "2"], capture_output=True, text=True, check=True).stdout.splitlines()
        rate = max(rate, float(lines[0].split(";")[2]))
        for row in csv.DictReader(lines[1:], delimiter=";"):
            key = row["head"], row["optimizer"]
            theirs = torch_step(WIDTHS[key[0]], key[1], features, labels, 2)
            ours = float(row["step_ms"]), float(row["evaluation_ms"])
            best[key] = [min(a, b) for a, b in zip(best.get(key, [1e9] * 4), ours + theirs)]
    print(f"{lines[0].split(';')[1]}: {rate:.1f} billion multiply-and-adds a second at best")
    print(f"{'head':12}{'optimizer':33}{'step ms: thaw':>14}{'PyTorch':>9}{'ratio':>7}{'arithmetic':>12}"
          f"{'evaluation ms: thaw':>21}{'PyTorch':>9}{'ratio':>7}")
    for (name, optimizer), (step, evaluation, torch_ms, torch_evaluation) in best.items():
        arithmetic = multiply_adds(WIDTHS[name]) / (rate * 1e6) / step
        print(f"{name:12}{optimizer:33}{step:14.4f}{torch_ms:9.4f}{torch_ms / step:7.1f}{arithmetic:12.0%}"
              f"{evaluation:21.4f}{torch_evaluation:9.4f}{torch_evaluation / evaluation:7.1f}")


main()
