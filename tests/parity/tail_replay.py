#!/usr/bin/env python3
"""The whole program beside PyTorch on real photos: trains tails with thaw, and the same again in PyTorch, epoch by epoch.

    tests/parity/tail_replay.py build/check/thaw

Needs torch, torchvision, PIL, yaml, THAW_DATA and THAW_WEIGHTS; about a minute. From thaw come the decoded images, the
split, and by counter_random.py the head's start, the order of images and the dropout masks. Network, frozen prefix and
training are PyTorch's, in float64.

Small steps, since training MobileNetV2's tail on few photos is chaotic: some channels hardly vary, and batch norm blows up
what is rounded off there. With a usual learning rate PyTorch in float32 is percents away from itself in float64 after 20
steps. Usual rates, and Adam, are compared in float64, by tail_training.py and tail_model_test.
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import counter_random
import pytorch_common as common
from harness import Thaw, need

SWEEP = """
name: tails
data:
  folder: ${THAW_DATA}/pokemon10
backbone: mobilenet_v2
image_size: 96
freeze: features.14
head: 64
dropout: 0.5
optimizer: {sgd: {momentum: 0.9}}
learning_rate: 1e-6
batch_size: 16
epochs: 2
seed: 7
"""
TOLERANCE = 2e-5  # of a loss, relatively
ARRAY_HEADER = 64  # bytes
EVALUATION = 32


class Photos:
    def __init__(self, thaw, size):
        images = common.Images(thaw.dataset())
        self.classes, self.labels = len(images.classes), torch.tensor(images.labels)
        self.train, self.held_out = (np.array(images.of(part)) for part in (common.TRAIN, common.VALIDATION))
        (array,) = thaw.runs.rglob(f"images-{size}-*.array")
        shape = (len(images.paths), size, size, 3)
        self.pixels = torch.from_numpy(np.fromfile(array, np.uint8, int(np.prod(shape)), offset=ARRAY_HEADER).reshape(shape))


def head_start(trial, inputs, classes):
    widths = [inputs, *trial["head"]["widths"], classes]
    layers = [torch.nn.Linear(*shape, dtype=torch.float64) for shape in zip(widths, widths[1:])]
    for at, layer in enumerate(layers):
        start = counter_random.glorot(at, layer.in_features, layer.out_features, trial["seed"])
        layer.weight.data = torch.from_numpy(start)
        layer.bias.data.zero_()
    return torch.nn.ModuleList(layers)


def dropout_mask(trial, layer, epoch, rows, units):
    rate = trial["dropout"][layer]
    draws = [counter_random.bits(units, trial["seed"], "dropout", layer, epoch, row) for row in rows]
    return torch.from_numpy((np.stack(draws) >> np.uint64(32) >= np.uint64(rate * 2**32)) / (1 - rate))


class Replay:
    def __init__(self, photos, trial):
        self.photos, self.trial = photos, trial
        base = common.load_base().double()
        frozen = common.frozen_blocks(trial["freeze"], base)
        prefix, self.tail = base[:frozen].eval(), base[frozen:]
        self.head = head_start(trial, 1280, photos.classes)
        with torch.no_grad():
            self.inputs = torch.cat([prefix(common.preprocess(batch).double()) for batch in photos.pixels.split(EVALUATION)])
        self.optimizer = torch.optim.SGD([*self.head.parameters(), *self.tail.parameters()], trial["learning_rate"],
                                         momentum=trial["optimizer"]["momentum"])

    def logits(self, rows, epoch=None):
        x = self.tail(self.inputs[rows]).mean((2, 3))
        for at, layer in enumerate(self.head[:-1]):
            x = F.relu(layer(x))
            if epoch:
                x = x * dropout_mask(self.trial, at, epoch, rows, layer.out_features)
        return self.head[-1](x)

    def epoch(self, number):
        """The mean losses in training and afterwards on the photos held out, and the accuracy there."""
        rows, held_out, labels = self.photos.train, self.photos.held_out, self.photos.labels
        order = rows[np.argsort(counter_random.bits(len(rows), self.trial["seed"], "shuffle", number))]
        self.tail.train()
        total = 0.0
        for at in range(0, len(order), self.trial["batch_size"]):
            batch = order[at:at + self.trial["batch_size"]]
            loss = F.cross_entropy(self.logits(batch, number), labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(batch)
        self.tail.eval()
        with torch.no_grad():
            logits = torch.cat([self.logits(held_out[at:at + EVALUATION]) for at in range(0, len(held_out), EVALUATION)])
        right = logits.argmax(1) == labels[held_out]
        return total / len(rows), F.cross_entropy(logits, labels[held_out]).item(), right.double().mean().item()


def compare(thaw, trial, photos):
    """The largest relative difference of a loss."""
    replay, worst = Replay(photos, trial), 0.0
    epochs = thaw.query("tails", "SELECT train_loss, validation_loss, validation_accuracy FROM epochs "
                                 f"WHERE trial = '{trial['id']}' ORDER BY epoch")
    for number, epoch in enumerate(epochs, start=1):
        found, expected = [float(value) for value in epoch.values()], replay.epoch(number)
        losses = [abs(ours / theirs - 1) for ours, theirs in zip(found[:2], expected[:2])]
        worst = max(worst, *losses)
        print(f"{trial['freeze']} head {trial['head']['widths']} epoch {number}: losses and accuracy",
              *(f"{value:.6f}" for value in found), "PyTorch", *(f"{value:.6f}" for value in expected),
              "off by", *(f"{difference:.1e}" for difference in losses), flush=True)
    return worst


def main():
    need("pokemon10")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        sweep = pathlib.Path(folder) / "tails.yaml"
        sweep.write_text(SWEEP)
        thaw = Thaw(sys.argv[1], folder)
        thaw.run(sweep)
        trials = [json.loads(row["spec"]) | {"id": row["id"]} for row in thaw.query("tails", "SELECT id, spec FROM trials")]
        photos = Photos(thaw, trials[0]["image_size"])
        worst = max(compare(thaw, trial, photos) for trial in trials)
    if worst > TOLERANCE:
        raise SystemExit(f"a loss is off by {worst:.1e} relatively, more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
