"""What the two PyTorch baselines have in common: a sweep's trials, thaw's split, images, network and head."""

import itertools
import json
import os
import pathlib
import re

import numpy
import torch
import torchvision
import yaml
from PIL import Image, ImageOps

AXES = ["freeze", "head", "dropout", "learning_rate", "epochs", "seed", "batch_size", "image_size"]
TRAIN, VALIDATION = 0, 1  # parts, as thaw writes them into its dataset file


def read_trials(path):
    """Every point of the sweep's grid, those that are the same trial included: a list of dictionaries."""
    sweep = yaml.safe_load(pathlib.Path(path).read_text())
    unknown = set(sweep) - set(AXES) - {"name", "data", "backbone"}
    if unknown or sweep["backbone"] != "mobilenet_v2":
        raise SystemExit(f"{path}: the baselines know grids over MobileNetV2 only, without {sorted(unknown)}")
    values = [sweep[axis] if isinstance(sweep[axis], list) else [sweep[axis]] for axis in AXES]
    trials = [dict(zip(AXES, point)) for point in itertools.product(*values)]
    for trial in trials:
        trial["learning_rate"] = float(trial["learning_rate"])  # YAML 1.1 takes 3e-5 for a string
        trial["head"] = [] if trial["head"] == "none" else [int(width) for width in str(trial["head"]).split("-")]
    return trials


class Images:
    """thaw's list of the images, in thaw's order and with thaw's split."""

    def __init__(self, dataset):
        description = json.loads(pathlib.Path(dataset).read_text())
        self.classes = description["classes"]
        self.paths = [os.path.join(description["folder"], image[0]) for image in description["images"]]
        self.labels = [image[1] for image in description["images"]]
        self.parts = [image[2] for image in description["images"]]

    def of(self, part):
        return [index for index, its in enumerate(self.parts) if its == part]


def load_image(path, size):
    """[size, size, 3] uint8: upright, on white, squashed to a square with antialiasing, as thaw decodes it."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return numpy.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def preprocess(batch):
    """[n, h, w, 3] uint8 to [n, 3, h, w] float in -1..1, channels last in memory, as in training."""
    return (batch.float() / 127.5 - 1).permute(0, 3, 1, 2)


class PadAsTensorFlow(torch.nn.Module):
    """Pads for a 3x3 convolution of stride 2, more on the right and below, as the weights were trained."""

    def forward(self, x):
        high, wide = (1 if extent % 2 == 0 else 2 for extent in x.shape[-2:])
        return torch.nn.functional.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))


def pad_as_tensorflow(module):
    for name, child in module.named_children():
        if isinstance(child, torch.nn.Conv2d) and child.stride == (2, 2):
            child.padding = (0, 0)
            setattr(module, name, torch.nn.Sequential(PadAsTensorFlow(), child))
        else:
            pad_as_tensorflow(child)


def load_base(weights=None):
    """MobileNetV2's 19 feature blocks with ImageNet weights."""
    folder = weights or os.environ.get("THAW_WEIGHTS") or "."
    network = torchvision.models.mobilenet_v2()
    network.load_state_dict(torch.load(os.path.join(folder, "mobilenet_v2_imagenet.pth"), weights_only=True))
    pad_as_tensorflow(network.features)
    return network.features


def frozen_blocks(freeze, base):
    """How many of the base's blocks stay frozen."""
    if freeze == "all":
        return len(base)
    named = re.fullmatch(r"features\.(\d+)", str(freeze))
    if not named:
        raise SystemExit(f"freeze: {freeze} is not known to the baselines")
    return int(named[1]) + 1


def make_head(widths, dropout, classes, inputs=1280):
    layers = []
    for width in widths:
        layers += [torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Dropout(dropout)]
        inputs = width
    head = torch.nn.Sequential(*layers, torch.nn.Linear(inputs, classes))
    for layer in head:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    return head


class Adam(torch.optim.Adam):
    """As Keras and thaw write it: epsilon is added before the bias correction, and so weighs more in the first steps."""

    EPSILON, BETAS = 1e-7, (0.9, 0.999)

    def __init__(self, parameters, learning_rate, **options):
        super().__init__(parameters, learning_rate, self.BETAS, **options)
        self.steps = 0

    def step(self):
        self.steps += 1
        self.param_groups[0]["eps"] = self.EPSILON / (1 - self.BETAS[1] ** self.steps) ** 0.5
        super().step()
