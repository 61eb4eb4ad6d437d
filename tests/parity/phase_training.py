#!/usr/bin/env python3
"""Writes the golden file that tail_model_test compares a training in three phases with, by PyTorch.

    tests/parity/phase_training.py tests/worker/torch/golden/phase_training.json

As tail_training.py, but the head alone first, then more and more of the base at smaller rates. Each phase has an optimizer
of its own; the order of images counts epochs over all phases. Between two phases what was trained becomes float32, as in
thaw's files.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

from tail_training import BATCH, CLASSES, IMAGES, KerasAdam, filled_model, head, logits_of, order, preprocessed, set_mode

PHASES = [("all", 19, 1e-2, 2), ("features.17", 18, 1e-3, 1), ("features.15", 16, 1e-4, 2)]  # name, blocks, rate, epochs


def train_epoch(base, layers, data, frozen, trained, optimizer, epoch):
    set_mode(base, frozen, True)
    loss_sum, rows = 0.0, order(epoch)
    for at in range(0, IMAGES, BATCH):
        batch = rows[at:at + BATCH]
        loss = F.cross_entropy(logits_of(base, layers, data[batch]), torch.tensor(batch) % CLASSES)
        loss_sum += loss.item() * len(batch)
        optimizer.step(torch.autograd.grad(loss, trained))
    set_mode(base, frozen, False)
    with torch.no_grad():
        held_out = F.cross_entropy(logits_of(base, layers, data), torch.arange(IMAGES) % CLASSES)
    return {"train_loss": loss_sum / IMAGES, "validation_loss": held_out.item()}


@torch.no_grad()
def round_to_float(tensors):
    for tensor in tensors:
        if tensor.is_floating_point():
            tensor.copy_(tensor.float().double())


def main():
    torch.set_num_threads(1)
    base, layers, data = filled_model(), head(1280), preprocessed()
    phases, epoch = [], 0
    for name, blocks, rate, epochs in PHASES:
        frozen = [f"features.{i}" for i in range(blocks)]
        base.requires_grad_(True)
        for module in frozen:
            base.get_submodule(module.removeprefix("features.")).requires_grad_(False)
        trained = [*layers, *(p for p in base.parameters() if p.requires_grad)]
        optimizer = KerasAdam(trained, rate)
        phase = {"freeze": name, "learning_rate": rate, "epochs": []}
        for _ in range(epochs):
            epoch += 1
            phase["epochs"].append(train_epoch(base, layers, data, frozen, trained, optimizer, epoch))
        phases.append(phase)
        round_to_float([*layers, *(t for i in range(blocks, 19) for t in base[i].state_dict().values())])
    pathlib.Path(sys.argv[1]).write_text("[\n" + ",\n".join(json.dumps(phase) for phase in phases) + "\n]\n")


if __name__ == "__main__":
    main()
