#!/usr/bin/env python3
"""The sweep as most people would write it in PyTorch: for each trial a network, a DataLoader, an epoch loop.

Every epoch of every trial decodes the images and carries them through the frozen layers again. Runs a sample of the
trials and extrapolates to all by the seconds that an image takes in an epoch, one figure a freeze depth.
"""

import argparse
import collections
import json
import time

import torch

from pytorch_common import (TRAIN, VALIDATION, Adam, Images, frozen_blocks, load_base, load_image, make_head,
                            preprocess, read_trials)


class Photos(torch.utils.data.Dataset):
    def __init__(self, images, part, size):
        self.images, self.indices, self.size = images, images.of(part), size

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, at):
        index = self.indices[at]
        pixels = torch.from_numpy(load_image(self.images.paths[index], self.size).copy())
        return preprocess(pixels.unsqueeze(0))[0], self.images.labels[index]


class Network(torch.nn.Module):
    def __init__(self, trial, classes):
        super().__init__()
        self.base = load_base()
        self.frozen = frozen_blocks(trial["freeze"], self.base)
        self.head = make_head(trial["head"], trial["dropout"], classes)
        for block in self.base[: self.frozen]:
            block.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.base[: self.frozen].eval()  # a frozen layer's batch norm keeps its statistics
        return self

    def forward(self, x):
        return self.head(self.base(x).mean((2, 3)))


def run_trial(trial, images, epochs, workers):
    """Validation accuracy after the last epoch."""
    torch.manual_seed(trial["seed"])
    train, validation = (Photos(images, part, trial["image_size"]) for part in (TRAIN, VALIDATION))
    loader = torch.utils.data.DataLoader(train, trial["batch_size"], shuffle=True, num_workers=workers)
    held_out = torch.utils.data.DataLoader(validation, 32, num_workers=workers)
    network = Network(trial, len(images.classes))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = Adam(trained, trial["learning_rate"])
    criterion = torch.nn.CrossEntropyLoss()
    for _ in range(epochs):
        network.train()
        for pixels, labels in loader:
            optimizer.zero_grad()
            criterion(network(pixels), labels).backward()
            optimizer.step()
        network.eval()
        correct = 0
        with torch.no_grad():
            for pixels, labels in held_out:
                correct += (network(pixels).argmax(1) == labels).sum().item()
    return correct / len(validation)


def sample_of(trials, count):
    """`count` trials, of each freeze depth in turn, spread over those of that depth; at least one of each."""
    by_depth = collections.defaultdict(list)
    for trial in trials:
        by_depth[trial["freeze"]].append(trial)
    depths = list(by_depth.values())
    count = max(count, len(depths))
    shares = [count // len(depths) + (at < count % len(depths)) for at in range(len(depths))]
    return [
        same_depth[int((at + 0.5) * len(same_depth) / share)]
        for same_depth, share in zip(depths, shares)
        for at in range(share)
    ]


def keep_some(images, count):
    chosen = range(0, len(images.paths), max(1, len(images.paths) // count))
    for name in ("paths", "labels", "parts"):
        setattr(images, name, [getattr(images, name)[at] for at in chosen])


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("sweep")
    options.add_argument("--dataset", required=True, help="the dataset-*.json that thaw left in its cache")
    options.add_argument("--trials", type=int, default=2, help="how many to run (at least one a freeze depth)")
    options.add_argument("--epochs", type=int, default=0, help="stop each after so many epochs")
    options.add_argument("--images", type=int, default=0, help="use only so many images, to try the script")
    options.add_argument("--workers", type=int, default=2, help="of the DataLoader")
    options.add_argument("--json", help="write the result here")
    arguments = options.parse_args()
    trials = read_trials(arguments.sweep)
    images = Images(arguments.dataset)
    everything = len(images.paths)
    if arguments.images:
        keep_some(images, arguments.images)
    spent, done = collections.Counter(), collections.Counter()  # seconds and image-epochs by freeze depth
    best = 0.0
    sample = sample_of(trials, arguments.trials)
    for trial in sample:
        epochs = min(trial["epochs"], arguments.epochs or trial["epochs"])
        start = time.monotonic()
        accuracy = run_trial(trial, images, epochs, arguments.workers)
        seconds = time.monotonic() - start
        spent[trial["freeze"]] += seconds
        done[trial["freeze"]] += epochs * len(images.paths)
        best = max(best, accuracy)
        print(f"{trial}: {epochs} epochs, {seconds:.1f} s, validation accuracy {accuracy:.4f}", flush=True)
    rate = {depth: spent[depth] / done[depth] for depth in spent}
    total = sum(rate[trial["freeze"]] * trial["epochs"] * everything for trial in trials)
    for depth, seconds in rate.items():
        print(f"freeze {depth}: {seconds * 1e3:.2f} ms an image and epoch")
    print(f"{len(sample)} trials in {sum(spent.values()):.1f} s; all {len(trials)}: {total:.0f} s, EXTRAPOLATED")
    if arguments.json:
        result = {"seconds": total, "extrapolated": True, "sample": len(sample), "sample_seconds": sum(spent.values()),
                  "best_accuracy_of_sample": best}
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file)


if __name__ == "__main__":
    main()
