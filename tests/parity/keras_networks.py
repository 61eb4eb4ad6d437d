"""Keras' networks under thaw's names."""
import contextlib
import os
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("JAX_ENABLE_X64", "1")

import keras
from keras.src.applications import efficientnet

NETWORKS = {
    "efficientnet_b0": "EfficientNetB0", "efficientnet_b1": "EfficientNetB1", "efficientnet_b2": "EfficientNetB2",
    "efficientnet_b3": "EfficientNetB3", "inception_resnet_v2": "InceptionResNetV2",
    "keras_densenet121": "DenseNet121", "keras_densenet169": "DenseNet169", "keras_densenet201": "DenseNet201",
    "keras_inception_v3": "InceptionV3", "keras_mobilenet_v2": "MobileNetV2", "keras_resnet50": "ResNet50",
    "keras_resnet101": "ResNet101", "keras_resnet152": "ResNet152", "mobilenet_v1": "MobileNet",
    "nasnet_mobile": "NASNetMobile", "resnet50v2": "ResNet50V2", "resnet101v2": "ResNet101V2",
    "resnet152v2": "ResNet152V2", "vgg16": "VGG16", "vgg19": "VGG19",
    "xception": "Xception",
}


def networks():
    """Those that the running backend has; Keras refuses NASNet on torch."""
    jax = keras.backend.backend() == "jax"
    return [name for name in NETWORKS if jax == name.startswith("nasnet")]


@contextlib.contextmanager
def as_if_pretrained():
    """EfficientNet has a layer more where it is built for its ImageNet weights, so it is built for them, but at any size
    and with the parameters it starts with."""
    utils = efficientnet.imagenet_utils
    obtain = utils.obtain_input_shape
    with (mock.patch.object(efficientnet.file_utils, "get_file"), mock.patch.object(keras.Model, "load_weights"),
          mock.patch.object(utils, "obtain_input_shape",
                            lambda *arguments, **options: obtain(*arguments, **{**options, "weights": None}))):
        yield


def build(name, size=None, include_top=False):
    """The model, unnamed layers numbered from the first on; its top gives logits."""
    keras.backend.clear_session()
    options = {"include_top": include_top, "input_shape": None if size is None else (size, size, 3)}
    if include_top:
        options["classifier_activation"] = None
    make = getattr(keras.applications, NETWORKS[name])
    if not name.startswith("efficientnet"):
        return make(weights=None, **options)
    with as_if_pretrained():
        return make(weights="imagenet", **options)
