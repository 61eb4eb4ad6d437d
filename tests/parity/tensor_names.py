#!/usr/bin/env python3
"""Writes the golden files that backbones_test compares thaw's layer graphs with.

    tests/parity/tensor_names.py tests/common/golden [--mobilenet-v1 mobilenet_v1_imagenet.pth]

Needs torch, torchvision and the package efficientnet_lite_pytorch. One file a backbone, lines of:
    tensor NAME DIM...           every tensor of the weight file (without num_batches_tracked); PREFIX.weight,bias are two
    output SIZE NAME C H W       a convolution's, pool's or dense layer's output for one image of SIZE pixels
    norm EPSILON MOMENTUM        of all batch-norms
    flops SIZE N                 of the convolutions and dense layers, bias not counted, as torch counts them
"""
import argparse
import pathlib

import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

TORCHVISION = ["alexnet", "densenet121", "inception_v3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
               "resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "squeezenet1_0", "squeezenet1_1", "vgg11",
               "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]
OPTIONS = {"inception_v3": {"aux_logits": False, "init_weights": False}}
LITE = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
ODD_SIZE = 101  # odd at many depths, where paddings differ most


def tensor_lines(state):
    parts = {}  # of each prefix and shape
    for name, tensor in state.items():
        prefix, part = name.rsplit(".", 1)
        if part != "num_batches_tracked":
            parts.setdefault((prefix, tensor.shape), []).append(part)
    for (prefix, shape), names in parts.items():
        yield " ".join(["tensor", f"{prefix}.{','.join(names)}", *map(str, shape)])


def output_lines(model, size):
    lines = []

    def record(name):
        return lambda module, inputs, output: lines.append(
            " ".join(map(str, ["output", size, name, *output.shape[1:], *[1] * (4 - output.dim())])))

    hooks = [module.register_forward_hook(record(name)) for name, module in model.named_modules()
             if isinstance(module, (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d))]
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return lines


def flops_line(model, size):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return f"flops {size} {counter.get_total_flops()}"


def norm_lines(model):
    return {f"norm {m.eps:g} {m.momentum:g}" for m in model.modules() if isinstance(m, nn.BatchNorm2d)}


def write(folder, name, source, lines):
    text = "\n".join([f"# {name} in {source}; written by tests/parity/tensor_names.py", *lines]) + "\n"
    (folder / f"{name}.txt").write_text(text)


def golden(make):
    """make(size) builds the model for images of that size. Shapes are all that is wanted: nothing is computed."""
    with torch.device("meta"):
        model, odd = make(224).eval(), make(ODD_SIZE).eval()
        return [*tensor_lines(model.state_dict()), *sorted(norm_lines(model)), *output_lines(odd, ODD_SIZE),
                flops_line(model, 224)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--mobilenet-v1", help="weight file whose tensor names and shapes to write down")
    arguments = parser.parse_args()
    for name in TORCHVISION:
        source = f"torchvision {torchvision.__version__.split('+')[0]}"
        write(arguments.folder, name, source, golden(lambda size: torchvision.models.get_model(name, **OPTIONS.get(name, {}))))
    from efficientnet_lite_pytorch import EfficientNet
    for name in LITE:
        package_name = name.replace("_", "-")
        write(arguments.folder, name, "efficientnet_lite_pytorch 0.1.0",
              golden(lambda size: EfficientNet.from_name(package_name, image_size=size)))
    if arguments.mobilenet_v1:
        state = torch.load(arguments.mobilenet_v1, map_location="cpu", weights_only=True)
        write(arguments.folder, "mobilenet_v1", "its weight file", tensor_lines(state))


if __name__ == "__main__":
    main()
