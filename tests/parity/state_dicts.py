#!/usr/bin/env python3
"""Whether thaw reads what torchvision, torch.save and safetensors themselves write: every network's state_dict, in turn.

    tests/parity/state_dicts.py build/check/tests/worker/network/network_test [NAME...]

Needs torch, torchvision and safetensors. Each network is filled by counter_random.py and written in PyTorch's two formats
and as safetensors; the StateDict test of the program given compares every tensor bit for bit. The Inception has its
auxiliary classifier, the DenseNet names that its official file has. VGG and ResNet152 take 2 GB on the disk for a while.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import safetensors.torch
import torch
import torchvision
from torch import nn

import counter_random
import tensor_names


def filled_state(name):
    with torch.device("meta"):
        model = torchvision.models.get_model(name, **({"init_weights": False} if name == "inception_v3" else {}))
    norms = {prefix for prefix, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    state = {}
    for key, tensor in model.state_dict().items():
        prefix, part = key.rsplit(".", 1)
        counter = part == "num_batches_tracked"
        values = 0 if counter else counter_random.network_tensor(key, tuple(tensor.shape), prefix in norms)
        state[key] = torch.as_tensor(values)
    return state


def as_published(name, state):
    """Under the names that the official file has."""
    if name != "densenet121":
        return state
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", key): tensor for key, tensor in state.items()}


def check(program, name, folder):
    state = filled_state(name)
    formats = {
        "zip.pth": lambda path: torch.save(as_published(name, state), path),
        "old.pth": lambda path: torch.save(as_published(name, state), path, _use_new_zipfile_serialization=False),
        "new.safetensors": lambda path: safetensors.torch.save_file(state, path),
    }
    for ending, save in formats.items():
        path = pathlib.Path(folder) / f"{name}-{ending}"
        save(path)
        environment = os.environ | {"THAW_STATE_DICT": str(path), "THAW_STATE_DICT_OF": name}
        done = subprocess.run([program, "--gtest_filter=StateDict.*", "--gtest_brief=1"], env=environment,
                              capture_output=True, text=True)
        passed = done.returncode == 0 and "[  PASSED  ] 1 test" in done.stdout
        print(f"{path.name}: {'equal' if passed else done.stdout}", flush=True)
        path.unlink()
        if not passed:
            raise SystemExit(1)


def main():
    program, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for name in names or tensor_names.TORCHVISION:
            check(program, name, folder)


if __name__ == "__main__":
    main()
