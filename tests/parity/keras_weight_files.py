"""Lets Keras write its networks into files of each of its formats, and asks thaw whether they fit.

    keras_weight_files.py build/check/thaw [NAME...]        (needs keras, torch, h5py; names as thaw's backbones)

Every network is written as a whole and without its classifier, with names that Keras made up in a process that has made
other networks before.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "torch"
import h5py
import keras
from keras.src.legacy.saving import legacy_h5_format

A = keras.applications
NETWORKS = {
    "xception": A.Xception, "vgg16": A.VGG16, "vgg19": A.VGG19, "keras_resnet50": A.ResNet50, "keras_resnet101": A.ResNet101,
    "keras_resnet152": A.ResNet152, "resnet50v2": A.ResNet50V2, "resnet101v2": A.ResNet101V2, "resnet152v2": A.ResNet152V2,
    "keras_inception_v3": A.InceptionV3, "inception_resnet_v2": A.InceptionResNetV2, "mobilenet_v1": A.MobileNet,
    "keras_mobilenet_v2": A.MobileNetV2, "keras_densenet121": A.DenseNet121, "keras_densenet169": A.DenseNet169,
    "keras_densenet201": A.DenseNet201, "efficientnet_b0": A.EfficientNetB0, "efficientnet_b1": A.EfficientNetB1,
    "efficientnet_b2": A.EfficientNetB2, "efficientnet_b3": A.EfficientNetB3, "nasnet_mobile": A.NASNetMobile,
}


def write(model, top, folder):
    yield folder / "w.weights.h5", lambda path: model.save_weights(path)
    if top:
        yield folder / "model.keras", lambda path: model.save(path)
        yield folder / "model.h5", lambda path: model.save(path)
    else:
        nested = keras.Sequential([model, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        yield folder / "nested.keras", lambda path: nested.save(path)
        yield folder / "nested.h5", lambda path: nested.save(path)

    def kernels(path):
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)

    yield folder / "kernels.h5", kernels


failed = 0
for name in sys.argv[2:] or NETWORKS:
    for top in (True, False):
        model = NETWORKS[name](weights=None, include_top=top)
        with tempfile.TemporaryDirectory() as folder:
            for path, save in write(model, top, pathlib.Path(folder)):
                save(path)
                said = subprocess.run([sys.argv[1], "weights", "inspect", path, "--backbone", name], capture_output=True, text=True)
                fits = f"\nfits backbone '{name}'\n" in said.stdout
                failed += not fits
                tail = "fits" if fits else "DOES NOT FIT: " + said.stdout[said.stdout.find("does not fit"):][:400] + said.stderr
                print(name, "whole" if top else "notop", path.name, tail, flush=True)
                path.unlink()
sys.exit(failed > 0)
