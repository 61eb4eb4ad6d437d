#!/usr/bin/env python3
"""Writes the golden file that backbones_test compares thaw's layer graphs with.

    tests/parity/tensor_names.py tests/common/backbones/golden/torch_networks.txt [NETWORK...]
    tests/parity/tensor_names.py --diff NETWORK tensors|outputs LIST.txt

Needs torch, torchvision and the package efficientnet_lite_pytorch; for mobilenet_v1 MOBILENET_V1, its weight file. Of a
network, after its name:
    from PACKAGE VERSION
    tensors COUNT HASH   of a sorted list of NAME DIM..., every tensor of the weight file (without num_batches_tracked)
    outputs COUNT HASH   of a sorted list of NAME C H W, what a convolution, pool or dense layer makes of one image of
                         101 pixels
    norm EPSILON MOMENTUM  of all batch-norms
    flops SIZE N         of the convolutions and dense layers, bias not counted, as torch counts them
"""
import os

import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import layer_lists

TORCHVISION = ["alexnet", "densenet121", "inception_v3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
               "resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "squeezenet1_0", "squeezenet1_1", "vgg11",
               "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]
OPTIONS = {"inception_v3": {"aux_logits": False, "init_weights": False}}
LITE = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
ODD_SIZE = 101  # odd at many depths, where paddings differ most


def tensor_list(state):
    return sorted(" ".join([name, *map(str, tensor.shape)]) for name, tensor in state.items()
                  if not name.endswith("num_batches_tracked"))


def output_list(model, size):
    lines = []

    def record(name):
        return lambda module, inputs, output: lines.append(
            " ".join(map(str, [name, *output.shape[1:], *[1] * (4 - output.dim())])))

    hooks = [module.register_forward_hook(record(name)) for name, module in model.named_modules()
             if isinstance(module, (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d))]
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return sorted(lines)


def flops_line(model, size):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return f"{size} {counter.get_total_flops()}"


def norms(model):
    return sorted({f"{m.eps:g} {m.momentum:g}" for m in model.modules() if isinstance(m, nn.BatchNorm2d)})


def lite_model(name, size):
    from efficientnet_lite_pytorch import EfficientNet
    return EfficientNet.from_name(name.replace("_", "-"), image_size=size)


def says_of(name):
    """Shapes are all that is wanted of those that can be built: nothing is computed."""
    if name == "mobilenet_v1":
        yield "from", "its weight file"
        yield "tensors", tensor_list(torch.load(os.environ["MOBILENET_V1"], map_location="cpu", weights_only=True))
        return
    lite = name in LITE
    yield "from", "efficientnet_lite_pytorch 0.1.0" if lite else f"torchvision {torchvision.__version__.split('+')[0]}"

    def make(size):
        return lite_model(name, size) if lite else torchvision.models.get_model(name, **OPTIONS.get(name, {}))

    with torch.device("meta"):
        model, odd = make(224).eval(), make(ODD_SIZE).eval()
        yield "tensors", tensor_list(model.state_dict())
        yield from (("norm", norm) for norm in norms(model))
        yield "outputs", output_list(odd, ODD_SIZE)
        yield "flops", flops_line(model, 224)


if __name__ == "__main__":
    layer_lists.main(__doc__, "Networks of torchvision and others; written by tests/parity/tensor_names.py",
                     TORCHVISION + LITE + (["mobilenet_v1"] if "MOBILENET_V1" in os.environ else []), says_of)
