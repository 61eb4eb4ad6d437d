#!/usr/bin/env python3
"""Writes the golden file that tail_model_test compares thaw's training of tails with: two epochs by PyTorch.

    tests/parity/tail_training.py tests/worker/torch/golden/tail_training.json

Needs torch and torchvision. torchvision's MobileNetV2, filled by counter_random.py, frozen up to some layer: frozen
layers run in inference mode, the rest in training mode. Everything in float64 and from preprocessed images, the head as
thaw starts it (counter_random.py again), no dropout, Adam as Keras writes it.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

import counter_random

SIZE, IMAGES, CLASSES, HIDDEN, RATE, EPOCHS, BATCH = 64, 10, 3, 8, 1e-3, 2, 4
# Frozen: these modules and their parameters. The middle one ends inside a residual block, after its depthwise part.
FREEZES = {
    "features.17": [f"features.{i}" for i in range(18)],
    "features.16.conv.1.relu": [f"features.{i}" for i in range(16)] + ["features.16.conv.0", "features.16.conv.1"],
    "features.15": [f"features.{i}" for i in range(16)],
}


class KerasAdam:
    """Epsilon is added to sqrt(v) before, not after, the bias correction: torch.optim.Adam differs there."""

    def __init__(self, parameters, rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
        self.parameters, self.rate, self.betas, self.epsilon, self.steps = parameters, rate, (beta1, beta2), epsilon, 0
        self.moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]

    @torch.no_grad()
    def step(self, gradients):
        self.steps += 1
        beta1, beta2 = self.betas
        rate = self.rate * (1 - beta2**self.steps) ** 0.5 / (1 - beta1**self.steps)
        for parameter, gradient, (m, v) in zip(self.parameters, gradients, self.moments):
            m += (gradient - m) * (1 - beta1)
            v += (gradient**2 - v) * (1 - beta2)
            parameter -= rate * m / (v.sqrt() + self.epsilon)


def images():
    """uint8 [n, s, s, 3], made like the test's."""
    return (counter_random.uniform(IMAGES * SIZE * SIZE * 3, 1, "images") * 256).astype(np.uint8).reshape(
        IMAGES, SIZE, SIZE, 3)


def preprocessed():
    """tf: -1 to 1."""
    return torch.from_numpy(images().astype(np.float64)).permute(0, 3, 1, 2) / 127.5 - 1


def order(epoch):
    """The order of images in an epoch, which the test gives as data."""
    return np.argsort(counter_random.bits(IMAGES, 1, "shuffle", epoch)).tolist()


def filled_model():
    model = torchvision.models.mobilenet_v2()
    norms = {name for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    model.load_state_dict({
        name: torch.from_numpy(counter_random.network_tensor(name, tuple(tensor.shape), name.rsplit(".", 1)[0] in norms))
        for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}, strict=False)
    return model.features.double()


def head(inputs):
    widths = [inputs, HIDDEN, CLASSES]
    layers = []
    for layer, (before, after) in enumerate(zip(widths, widths[1:])):
        layers += [torch.from_numpy(counter_random.glorot(layer, before, after)).requires_grad_(),
                   torch.zeros(after, dtype=torch.float64, requires_grad=True)]
    return layers


def logits_of(base, layers, batch):
    x = base(batch).mean((2, 3))
    return F.linear(F.relu(F.linear(x, layers[0], layers[1])), layers[2], layers[3])


def set_mode(base, frozen, training):
    base.train(training)
    for name in frozen:
        base.get_submodule(name.removeprefix("features.")).eval()


def train(frozen):
    base, layers, data = filled_model(), head(1280), preprocessed()
    for name in frozen:
        base.get_submodule(name.removeprefix("features.")).requires_grad_(False)
    trained = [*layers, *(p for p in base.parameters() if p.requires_grad)]
    optimizer = KerasAdam(trained, RATE)
    epochs = []
    for epoch in range(1, EPOCHS + 1):
        set_mode(base, frozen, True)
        loss_sum, rows = 0.0, order(epoch)
        for at in range(0, IMAGES, BATCH):
            batch = rows[at:at + BATCH]
            loss = F.cross_entropy(logits_of(base, layers, data[batch]), torch.tensor(batch) % CLASSES)
            gradients = torch.autograd.grad(loss, trained)
            loss_sum += loss.item() * len(batch)
            optimizer.step(gradients)
        set_mode(base, frozen, False)
        with torch.no_grad():
            held_out = F.cross_entropy(logits_of(base, layers, data), torch.arange(IMAGES) % CLASSES)
        epochs.append({"train_loss": loss_sum / IMAGES, "validation_loss": held_out.item(), "order": rows})
    return epochs


def main():
    results = {freeze: train(frozen) for freeze, frozen in FREEZES.items()}
    lines = ",\n".join(f"{json.dumps(freeze)}: {json.dumps(epochs)}" for freeze, epochs in results.items())
    pathlib.Path(sys.argv[1]).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
