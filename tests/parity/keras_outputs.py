#!/usr/bin/env python3
"""Writes the golden files that keras_outputs_test compares thaw's networks with.

    tests/parity/keras_outputs.py tests/worker/network/golden/keras [NAME...]

Each network runs once, in float64 and with its top, on one image, its parameters filled by counter_random.py and those
of convolutions and dense layers then multiplied by a gain that keeps magnitudes within reason through all layers. Lines:
    network SIZE GAIN MEAN DEVIATION      pixels are (byte - MEAN) / DEVIATION
    LAYER MEAN NORM LARGEST MIDDLE        of what crosses wherever a single tensor does: its mean, L2 norm, largest
                                          magnitude and middle value
"""
import pathlib
import re
import sys

import counter_random
import keras_networks
import numpy as np
from keras_networks import keras

# Of each network the smallest image that Keras takes, and the gain. MobileNet pads odd pictures in a way of its own.
CASES = {
    "efficientnet_b0": (32, 0.9), "efficientnet_b1": (32, 0.9), "efficientnet_b2": (32, 0.9),
    "efficientnet_b3": (32, 0.9), "inception_resnet_v2": (75, 1), "keras_densenet121": (32, 1),
    "keras_densenet169": (32, 1), "keras_densenet201": (32, 1), "keras_inception_v3": (75, 1),
    "keras_mobilenet_v2": (32, 0.8), "keras_resnet50": (32, 0.7), "keras_resnet101": (32, 0.6),
    "keras_resnet152": (32, 0.6), "mobilenet_v1": (75, 1), "nasnet_mobile": (32, 0.6), "resnet50v2": (32, 0.7),
    "resnet101v2": (32, 0.6), "resnet152v2": (32, 0.6), "vgg16": (32, 1), "vgg19": (32, 1), "xception": (71, 0.8),
}
PARTS = {
    "kernel": "weight", "depthwise_kernel": "weight", "pointwise_kernel": "weight", "bias": "bias", "gamma": "weight",
    "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var", "mean": "running_mean",
    "variance": "running_var",
}
NORMALIZES = (keras.layers.BatchNormalization, keras.layers.Normalization)


def mobilenet_v1_prefix(layer):
    if layer == "conv_preds":
        return "classifier"
    if layer.startswith("conv1"):
        return "features.0." + ("bn" if layer.endswith("_bn") else "conv")
    kind, number, norm = re.fullmatch(r"conv_(dw|pw)_(\d+)(_bn)?", layer).groups()
    return f"features.{number}.{kind}{norm or ''}"


def prefixes(name, model):
    """thaw's name of each layer's tensors."""
    layers = [layer for layer in model.layers if layer.weights]
    if name == "mobilenet_v1":
        return {layer.name: mobilenet_v1_prefix(layer.name) for layer in layers}
    if not name.startswith("vgg"):
        return {layer.name: layer.name for layer in layers}
    names, part = {}, 0  # torchvision counts convolutions, ReLUs and pools
    for layer in model.layers[1:]:
        names[layer.name] = f"features.{part}"
        part += 2 if layer.weights else 1
    return names


def fill(name, model, gain):
    names = prefixes(name, model)
    for layer in model.layers:
        for variable in layer.weights:
            part = variable.name
            if part == "count":
                continue
            prefix = names[layer.name]
            if isinstance(layer, keras.layers.SeparableConv2D):
                prefix += "." + part.split("_")[0]
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D) or part == "depthwise_kernel"
            axes = {4: (2, 3, 0, 1) if depthwise else (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[len(variable.shape)]
            shape = tuple(np.empty(variable.shape, dtype=bool).transpose(np.argsort(axes)).shape)
            values = counter_random.network_tensor(f"{prefix}.{PARTS[part]}", shape, isinstance(layer, NORMALIZES))
            if part.endswith("kernel"):
                values = values * np.float32(gain)
            variable.assign(values.transpose(axes).astype(np.float64))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def crossings(model):
    """The layers after which nothing reads what was made before them."""
    place = {layer.name: i for i, layer in enumerate(model.layers)}
    earliest, found = len(place) - 1, []
    for i in reversed(range(len(place))):
        if earliest >= i:
            found.append(model.layers[i])
        node = model.layers[i]._inbound_nodes[-1]
        earliest = min([earliest] + [place[parent.operation.name] for parent in node.parent_nodes])
    return found[::-1]


def line(layer, output):
    values = keras.ops.convert_to_numpy(output)
    if values.ndim == 4:
        values = values.transpose(0, 3, 1, 2)
    values = values.ravel()
    numbers = [values.mean(), np.linalg.norm(values), np.abs(values).max(), values[len(values) // 2]]
    return " ".join([layer.name] + [f"{number:.9g}" for number in numbers])


def lines(name):
    size, gain = CASES[name]
    model = keras_networks.build(name, size, include_top=not name.startswith("vgg"))
    fill(name, model, gain)
    mean, deviation = (0, 1) if name.startswith("efficientnet") else (127.5, 127.5)
    image = np.floor(counter_random.uniform(3 * size * size, 1, "images") * 256).reshape(1, size, size, 3)
    kept = crossings(model)
    outputs = keras.Model(model.input, [layer.output for layer in kept])((image - mean) / deviation, training=False)
    yield f"# {keras_networks.NETWORKS[name]} in keras {keras.__version__}; written by tests/parity/keras_outputs.py"
    yield f"network {size} {gain} {mean} {deviation}"
    yield from map(line, kept, outputs)


def main(folder, names):
    folder.mkdir(exist_ok=True)
    keras.config.set_floatx("float64")
    for name in names or keras_networks.networks():
        print(name, flush=True)
        (folder / f"{name}.txt").write_text("\n".join(lines(name)) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
