#!/usr/bin/env python3
"""Writes the golden files that hold the order of Keras' model.layers, which `freeze: 50` counts.

    KERAS_BACKEND=torch tests/parity/keras_layers.py tests/common/golden

Lines of: layer KIND C H W PARAMETERS NAME, for images of 224 pixels, without top; then `with_top PARAMETERS` and, of
the batch-norms, `norm EPSILON MOMENTUM` in PyTorch's sense of momentum.
"""
import pathlib
import sys

import keras

MODELS = {"mobilenet_v1": "MobileNet", "mobilenet_v2": "MobileNetV2", "resnet50": "ResNet50"}
KINDS = {
    "InputLayer": "input", "Conv2D": "conv", "DepthwiseConv2D": "conv", "BatchNormalization": "batch_norm",
    "ReLU": "activation", "Activation": "activation", "ZeroPadding2D": "zero_pad", "MaxPooling2D": "max_pool",
    "Add": "add",
}


def main(folder):
    for name, keras_name in MODELS.items():
        build = getattr(keras.applications, keras_name)
        base = build(weights=None, include_top=False, input_shape=(224, 224, 3))
        lines = [f"# {keras_name} in keras {keras.__version__}; written by tests/parity/keras_layers.py"]
        for layer in base.layers:
            _, height, width, channels = layer.output.shape
            kind = KINDS[type(layer).__name__]
            lines.append(f"layer {kind} {channels} {height} {width} {layer.count_params()} {layer.name}")
        lines.append(f"with_top {build(weights=None).count_params()}")
        norms = {(layer.epsilon, layer.momentum) for layer in base.layers
                 if isinstance(layer, keras.layers.BatchNormalization)}
        lines += [f"norm {epsilon:g} {1 - momentum:g}" for epsilon, momentum in sorted(norms)]
        (folder / f"keras_{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
