#!/usr/bin/env python3
"""Writes the golden file that network_outputs_test compares thaw's networks with.

    tests/parity/network_outputs.py tests/worker/torch/golden/network_outputs.safetensors [BACKBONE...]

Needs torch, torchvision and the package efficientnet_lite_pytorch (on PYTHONPATH). Each network runs once, in float64,
with parameters filled by counter_random.py and one image filled likewise. What it computes is kept in the order in which
it is computed: every convolution, batch-norm, activation, pooling, addition, product, concatenation and dense layer is
one row of
    mean, L2 norm, largest magnitude, first value, a middle value, last value
or of NaNs, where what follows needs more than this value. The file is a safetensors file with an array of float64 a case,
BACKBONE/PADDING/SIZE; `network_outputs.py --print FILE` prints it. With names, only those networks are done again.
"""
import argparse
import json
import math
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import fx, nn

import counter_random
from efficientnet_lite_pytorch import EfficientNet

CLASSES = 10
COUNTED_MODULES = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.MaxPool2d, nn.AvgPool2d,
                   nn.AdaptiveAvgPool2d, nn.Linear)
COUNTED_FUNCTIONS = ("add", "iadd", "mul", "cat", "relu", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d")


class SameConv2d(nn.Conv2d):
    """TensorFlow's padding="same": the odd pixel goes right and bottom."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class MobileNetV1(nn.Module):
    """As in Howard et al. 2017, table 1, and keras.applications: ReLU6, epsilon 1e-3, padding "same"."""

    def __init__(self):
        super().__init__()
        blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
        self.features = nn.ModuleList([self.part(conv=SameConv2d(3, 32, 3, 2, bias=False), bn=self.norm(32))])
        channels = 32
        for out, stride in blocks:
            self.features.append(self.part(
                dw=SameConv2d(channels, channels, 3, stride, groups=channels, bias=False), dw_bn=self.norm(channels),
                pw=nn.Conv2d(channels, out, 1, bias=False), pw_bn=self.norm(out)))
            channels = out
        self.relu, self.avgpool = nn.ReLU6(), nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(1024, CLASSES)

    @staticmethod
    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1e-3)

    @staticmethod
    def part(**layers):
        return nn.ModuleDict(layers)

    def forward(self, x):
        for part in self.features:
            for layer in part.values():
                x = layer(x)
                if isinstance(layer, nn.BatchNorm2d):
                    x = self.relu(x)
        return self.classifier(self.avgpool(x).flatten(1))


def torchvision_model(name, **options):
    return lambda size: torchvision.models.get_model(name, num_classes=CLASSES, **options)


def lite_model(name):
    return lambda size: EfficientNet.from_name(name, image_size=size, num_classes=CLASSES)


def with_same_padding(make):
    def made(size):
        model = make(size)
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.__class__ = SameConv2d
        return model
    return made


# torchvision's networks and sizes of images, most of them about the smallest that the network takes.
TORCHVISION = {
    "alexnet": 63, "densenet121": 29, "inception_v3": 75, "mobilenet_v2": 64, "mobilenet_v3_large": 64,
    "mobilenet_v3_small": 33, "resnet101": 33, "resnet152": 33, "resnet18": 64, "resnet34": 64, "resnet50": 64,
    "squeezenet1_0": 21, "squeezenet1_1": 17, "vgg11": 32, "vgg11_bn": 32, "vgg13": 32, "vgg13_bn": 32, "vgg16": 32,
    "vgg16_bn": 32, "vgg19": 32, "vgg19_bn": 32,
}
OPTIONS = {"inception_v3": {"aux_logits": False, "init_weights": False}}
CASES = [
    *((name, "symmetric", size, torchvision_model(name, **OPTIONS.get(name, {}))) for name, size in TORCHVISION.items()),
    ("densenet121", "symmetric", 75, torchvision_model("densenet121")),
    ("squeezenet1_0", "symmetric", 64, torchvision_model("squeezenet1_0")),
    ("squeezenet1_1", "symmetric", 75, torchvision_model("squeezenet1_1")),
    ("efficientnet_lite0", "tensorflow", 64, lite_model("efficientnet-lite0")),
    ("efficientnet_lite0", "tensorflow", 75, lite_model("efficientnet-lite0")),
    ("efficientnet_lite1", "tensorflow", 64, lite_model("efficientnet-lite1")),
    ("efficientnet_lite2", "tensorflow", 64, lite_model("efficientnet-lite2")),
    ("mobilenet_v1", "tensorflow", 64, lambda size: MobileNetV1()),
    ("mobilenet_v2", "tensorflow", 64, with_same_padding(torchvision_model("mobilenet_v2"))),
    ("mobilenet_v2", "tensorflow", 75, with_same_padding(torchvision_model("mobilenet_v2"))),
    ("resnet50", "symmetric", 75, torchvision_model("resnet50")),
]


def fill(model):
    norms = {name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)}
    state = {}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        else:
            values = counter_random.network_tensor(name, tuple(tensor.shape), name.rsplit(".", 1)[0] in norms)
            state[name] = torch.from_numpy(values)
    model.load_state_dict(state, assign=True)


def summary(tensor):
    values = tensor.detach().numpy().ravel()
    numbers = [values.mean(), np.linalg.norm(values), np.abs(values).max(), values[0], values[len(values) // 3],
               values[-1]]
    return [float(f"{number:.9g}") for number in numbers]


def read(path):
    """The rows of each case, by its name."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    arrays = {}
    for name, entry in json.loads(content[8:8 + length]).items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        arrays[name] = np.frombuffer(content[begin:end], "<f8").reshape(entry["shape"])
    return arrays


def write(path, arrays):
    header, data = {}, b""
    for name, rows in arrays.items():
        values = np.asarray(rows, "<f8").tobytes()
        header[name] = {"dtype": "F64", "shape": [len(rows), 6], "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Tracer(fx.Tracer):
    def is_leaf_module(self, module, name):
        return isinstance(module, COUNTED_MODULES) or super().is_leaf_module(module, name)


class Recorder(fx.Interpreter):
    def __init__(self, model):
        super().__init__(fx.GraphModule(model, Tracer().trace(model)))
        self.rows, self.needed = [], set()  # values that are computed and still to be read
        self.at = {node: place for place, node in enumerate(self.module.graph.nodes)}

    def counted(self, node):
        if node.op == "call_module":
            return isinstance(self.fetch_attr(node.target), COUNTED_MODULES)
        of_one = node.target is torch.cat and len(node.args[0]) == 1
        return node.op == "call_function" and node.target.__name__ in COUNTED_FUNCTIONS and not of_one

    def run_node(self, node):
        value = super().run_node(node)
        if isinstance(value, torch.Tensor):
            self.needed.add(node)
        self.needed = {n for n in self.needed if any(self.at[user] > self.at[node] for user in n.users)}
        if self.counted(node):
            # A DenseNet goes on to read what it has just concatenated; thaw concatenates to it.
            joined = node.op == "call_function" and node.target is torch.cat
            self.rows.append(summary(value) if joined or self.needed == {node} else [math.nan] * 6)
        return value


def outputs(make, size):
    with torch.device("meta"):  # without initial values, which are slow to draw
        model = make(size).eval()
    fill(model)
    image = torch.from_numpy(counter_random.within((1, 3, size, size), -2, 2, "image")).double()
    recorder = Recorder(model.double())
    with torch.no_grad():
        recorder.run(image)
    return recorder.rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("backbones", nargs="*")
    parser.add_argument("--print", action="store_true")
    arguments = parser.parse_args()
    if arguments.print:
        for name, rows in read(arguments.output).items():
            print(name, *(" ".join(f"{number:.9g}" for number in row) for row in rows), sep="\n")
        return
    before = read(arguments.output) if arguments.backbones else {}
    names = {f"{backbone}/{padding}/{size}": (backbone, make, size) for backbone, padding, size, make in CASES}
    write(arguments.output, {name: before[name] if name in before and backbone not in arguments.backbones
                             else outputs(make, size) for name, (backbone, make, size) in names.items()})


if __name__ == "__main__":
    main()
