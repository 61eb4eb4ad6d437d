#!/usr/bin/env python3
"""Writes the golden file that holds Keras' networks layer by layer, in the order of model.layers, which `freeze: 50`
counts.

    tests/parity/keras_layers.py tests/common/backbones/golden/keras_networks.txt [NETWORK...]
    tests/parity/keras_layers.py --diff NETWORK layers LIST.txt

Of the network without top at its usual size unless they say otherwise, after its name:
    from NAME in keras VERSION
    layers COUNT HASH    of a list of KIND C H W PARAMETERS NAME [WEIGHT...], a line a layer
    freeze N COUNT       freezing model.layers[:N] leaves all but the first COUNT trainable weights
    shape SIZE C H W     the output for images of SIZE pixels
    with_top PARAMETERS LAYERS
    norm EPSILON MOMENTUM     of the batch-norms, momentum in PyTorch's sense
    smallest SIZE        the smallest image that Keras takes
"""
import re

import keras_networks
import layer_lists
from keras_networks import keras

KINDS = {
    "InputLayer": "input", "Conv2D": "conv", "DepthwiseConv2D": "conv", "SeparableConv2D": "conv",
    "BatchNormalization": "batch_norm", "ReLU": "activation", "Activation": "activation", "ZeroPadding2D": "zero_pad",
    "MaxPooling2D": "max_pool", "AveragePooling2D": "average_pool", "GlobalAveragePooling2D": "global_average_pool",
    "Add": "add", "Concatenate": "concat", "Multiply": "multiply", "CustomScaleLayer": "scale", "Rescaling": "scale",
    "Normalization": "normalize", "Cropping2D": "crop", "Reshape": "reshape", "Dropout": "dropout",
}


def dimensions(shape):
    shape = list(shape)[1:]
    return f"{shape[-1]} {shape[0]} {shape[1]}" if len(shape) == 3 else f"{shape[0]} 1 1"


def layer_line(layer):
    words = [KINDS[type(layer).__name__], dimensions(layer.output.shape), str(layer.count_params()), layer.name]
    return " ".join(words + [weight.name for weight in layer.weights])


def freeze_line(base, count):
    base.trainable = True
    before = [weight.path for weight in base.trainable_weights]
    for layer in base.layers[:count]:
        layer.trainable = False
    after = [weight.path for weight in base.trainable_weights]
    base.trainable = True
    assert after == before[len(before) - len(after):]
    return f"{count} {len(before) - len(after)}"


def smallest(name):
    try:
        keras_networks.build(name, 8)
    except ValueError as error:
        return int(re.search(r"at least (\d+)x", str(error)).group(1))
    raise AssertionError(f"{name} takes any image")


def without_top(model):
    """As include_top=False builds it."""
    ends = [layer for layer in model.layers
            if isinstance(layer, (keras.layers.GlobalAveragePooling2D, keras.layers.Flatten))]
    return keras.Model(model.input, ends[-1].input)


def says_of(name):
    top = keras_networks.build(name, include_top=True)
    with_top = f"{top.count_params()} {len(top.layers)}"
    base = without_top(top)
    yield "from", f"{keras_networks.NETWORKS[name]} in keras {keras.__version__}"
    yield "layers", [layer_line(layer) for layer in base.layers]
    for count in (50, 100, len(base.layers) // 2, len(base.layers)):
        if count <= len(base.layers):
            yield "freeze", freeze_line(base, count)
    norms = {(layer.epsilon, layer.momentum) for layer in base.layers
             if isinstance(layer, keras.layers.BatchNormalization)}
    yield from (("norm", f"{epsilon:g} {1 - momentum:g}") for epsilon, momentum in sorted(norms))
    size = base.input_shape[1]
    yield "shape", f"{size} {dimensions(base.output_shape)}"
    for other in (150, 299 if size < 299 else 224):
        yield "shape", f"{other} {dimensions(keras_networks.build(name, other).output_shape)}"
    yield "with_top", with_top
    yield "smallest", str(smallest(name))


if __name__ == "__main__":
    layer_lists.main(__doc__, "Keras' networks; written by tests/parity/keras_layers.py", keras_networks.networks(),
                     says_of)
