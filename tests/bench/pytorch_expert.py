#!/usr/bin/env python3
"""The sweep as an expert would write it in PyTorch: nothing is done twice that can easily be done once.

Decodes once; one channels-last forward with folded batch norm keeps every cut in RAM; trials that differ only in epochs
(or only in the dropout of a head without hidden layers) train once; no DataLoader; fused Adam. Each phase keeps two
single-threaded processes busy, which takes less time than one with two threads.
"""

import argparse
import copy
import json
import mmap
import multiprocessing
import time

import numpy
import torch

from pytorch_common import (TRAIN, VALIDATION, Adam, Images, frozen_blocks, load_base, load_image, make_head,
                            preprocess, read_trials)

BATCH = 32  # of the frozen forward, and of evaluation where a tail is trained


def shared_array(shape, dtype):
    """A tensor that forked processes write into and all of them see."""
    array = numpy.ndarray(shape, dtype, mmap.mmap(-1, int(numpy.prod(shape)) * numpy.dtype(dtype).itemsize))
    return torch.from_numpy(array)


def fold_batch_norm(module):
    """In every Sequential: convolution and the batch norm behind it become one convolution."""
    for child in module.children():
        fold_batch_norm(child)
    if not isinstance(module, torch.nn.Sequential):
        return
    for at in range(len(module) - 1):
        before, norm = module[at], module[at + 1]
        convolution = before[-1] if isinstance(before, torch.nn.Sequential) and len(before) else before
        if not isinstance(convolution, torch.nn.Conv2d) or not isinstance(norm, torch.nn.BatchNorm2d):
            continue
        folded = torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, norm)
        if before is convolution:
            module[at] = folded
        else:
            before[-1] = folded
        module[at + 1] = torch.nn.Identity()


class Work:
    """All that the forked processes need; they inherit it."""

    def __init__(self, trials, images):
        self.images, self.size = images, trials[0]["image_size"]
        if any(trial["image_size"] != self.size for trial in trials):
            raise SystemExit("one image size, please")
        self.labels = torch.tensor(images.labels)
        self.pixels = shared_array((len(images.paths), self.size, self.size, 3), numpy.uint8)
        self.base = load_base().eval()
        self.prefix = copy.deepcopy(self.base)
        fold_batch_norm(self.prefix)
        self.prefix.to(memory_format=torch.channels_last)
        self.cuts = {}  # blocks before the cut -> what crosses it; channels last, pooled behind the last block
        needed = {frozen_blocks(trial["freeze"], self.base) for trial in trials}
        with torch.inference_mode():
            one = self.run_prefix(self.pixels[:1], needed)
        for cut, tensor in one.items():
            self.cuts[cut] = shared_array((len(images.paths), *tensor.shape[1:]), numpy.float32)

    def run_prefix(self, pixels, cuts):
        """What crosses each of the cuts, in one pass."""
        crossing, x = {}, preprocess(pixels)
        for at, block in enumerate(self.prefix[: max(cuts)], start=1):
            x = block(x)
            if at in cuts:
                crossing[at] = x.mean((2, 3)) if at == len(self.base) else x.permute(0, 2, 3, 1)
        return crossing


work = None  # set before the processes fork


def decode(index):
    work.pixels[index] = torch.from_numpy(load_image(work.images.paths[index], work.size).copy())


def forward(start):
    with torch.inference_mode():
        rows = slice(start, start + BATCH)
        for cut, tensor in work.run_prefix(work.pixels[rows], set(work.cuts)).items():
            work.cuts[cut][rows] = tensor


class Model(torch.nn.Module):
    def __init__(self, trial, cut):
        super().__init__()
        self.tail = copy.deepcopy(work.base[cut:]).to(memory_format=torch.channels_last)
        self.head = make_head(trial["head"], trial["dropout"], len(work.images.classes))

    def forward(self, x):
        return self.head(self.tail(x.permute(0, 3, 1, 2)).mean((2, 3)) if len(self.tail) else x)


def train(trajectory):
    """Validation accuracies after each epoch, and the seconds that it took."""
    start = time.monotonic()
    torch.manual_seed(trajectory["seed"])
    cut = frozen_blocks(trajectory["freeze"], work.base)
    inputs, labels = work.cuts[cut], work.labels
    rows, held_out = (torch.tensor(work.images.of(part)) for part in (TRAIN, VALIDATION))
    model = Model(trajectory, cut)
    optimizer = Adam(model.parameters(), trajectory["learning_rate"], fused=True)
    accuracies = []
    for _ in range(trajectory["epochs"]):
        model.train()
        for batch in rows[torch.randperm(len(rows))].split(trajectory["batch_size"]):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            batches = held_out.split(BATCH if len(model.tail) else len(held_out))
            correct = sum((model(inputs[batch]).argmax(1) == labels[batch]).sum().item() for batch in batches)
        accuracies.append(correct / len(held_out))
    return trajectory["key"], accuracies, time.monotonic() - start


def key_of(trial):
    """Trials with the same key are points on one trajectory."""
    dropout = trial["dropout"] if trial["head"] else None
    return repr([trial["freeze"], trial["head"], dropout, trial["learning_rate"], trial["batch_size"], trial["seed"]])


def trajectories_of(trials, base):
    """The longest first, for the best use of two processes."""
    longest = {}
    for trial in trials:
        key = key_of(trial)
        if key not in longest or longest[key]["epochs"] < trial["epochs"]:
            longest[key] = trial | {"key": key}
    cost = lambda trial: (-frozen_blocks(trial["freeze"], base), trial["epochs"], sum(trial["head"]))
    return sorted(longest.values(), key=cost, reverse=True)


def side_by_side(function, arguments, chunk=1):
    """The function of each argument, in two processes that compute on one thread each."""
    context = multiprocessing.get_context("fork")
    with context.Pool(2, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.imap_unordered(function, arguments, chunk))


def run_sweep(trials, arguments):
    """Seconds of each phase, and what train() returned for each trajectory."""
    global work
    torch.set_num_threads(1)  # nothing may start threads before the processes fork
    seconds, last = {}, time.monotonic()

    def phase_ends(name):
        nonlocal last
        now = time.monotonic()
        seconds[name], last = now - last, now

    work = Work(trials, Images(arguments.dataset))
    trajectories = trajectories_of(trials, work.base)[-arguments.trajectories :]
    phase_ends("preparation")
    images = len(work.images.paths)
    side_by_side(decode, range(images), chunk=8)
    phase_ends("decode")
    side_by_side(forward, range(0, images, BATCH))
    phase_ends("prefix")
    results = side_by_side(train, trajectories)
    phase_ends("training")
    return seconds, results


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("sweep")
    options.add_argument("--dataset", required=True, help="the dataset-*.json that thaw left in its cache")
    options.add_argument("--trajectories", type=int, default=0, help="only so many, the cheapest")
    options.add_argument("--json", help="write the result here")
    arguments = options.parse_args()
    trials = read_trials(arguments.sweep)
    seconds, results = run_sweep(trials, arguments)
    accuracies = {key: values for key, values, _ in results}
    busy = sum(took for _, _, took in results)
    answered = [
        trial | {"accuracy": accuracies[key_of(trial)][trial["epochs"] - 1],
                 "best_accuracy": max(accuracies[key_of(trial)][: trial["epochs"]])}
        for trial in trials
        if key_of(trial) in accuracies
    ]
    print(*answered, sep="\n")
    total = sum(seconds.values())
    best = max(trial["accuracy"] for trial in answered)
    print(f"{len(answered)} trials on {len(results)} trajectories in {total:.2f} s: "
          + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())
          + f"; training core-seconds {busy:.2f}; best validation accuracy {best:.4f}")
    if arguments.json:
        result = {"seconds": total, **{f"{name}_seconds": value for name, value in seconds.items()},
                  "training_core_seconds": busy, "best_accuracy": best, "trials": answered}
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file)


if __name__ == "__main__":
    main()
