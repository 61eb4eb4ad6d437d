"""Keras' networks under thaw's names."""
import os

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

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


class WithoutDownload:
    """EfficientNet has a layer more where it is built for its ImageNet weights, so it is built for them, but keeps
    the parameters it starts with."""

    def __enter__(self):
        self.get_file, self.load = efficientnet.file_utils.get_file, keras.Model.load_weights
        efficientnet.file_utils.get_file = lambda *arguments, **options: None
        keras.Model.load_weights = lambda *arguments, **options: None

    def __exit__(self, *_):
        efficientnet.file_utils.get_file, keras.Model.load_weights = self.get_file, self.load


def build(name, size=None, include_top=False, classes=1000):
    """The model, unnamed layers numbered from the first on; its top gives logits."""
    keras.backend.clear_session()
    options = {"include_top": include_top, "classes": classes}
    if include_top:
        options["classifier_activation"] = None
    shape = None if size is None else (size, size, 3)
    make = getattr(keras.applications, NETWORKS[name])
    if not name.startswith("efficientnet_b"):
        return make(weights=None, input_shape=shape, **options)
    with WithoutDownload():
        # Keras wants 1000 classes of ImageNet weights.
        allowed = classes == 1000 or not include_top
        return make(weights="imagenet", input_shape=shape, **options) if allowed else None
