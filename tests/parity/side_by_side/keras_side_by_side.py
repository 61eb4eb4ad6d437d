"""Trains with Keras what a sweep file of this folder describes, so that thaw's results can be laid beside it.

    python keras_side_by_side.py photos FROM TO --per-class 150   # photos that both programs decode alike
    python keras_side_by_side.py train SWEEP.yaml OUT.json        # every trial of the sweep
    python keras_side_by_side.py shapes NETWORK SIZE LAYER        # what comes out of a network that is cut off

It reads the very file that thaw runs, and knows just the keys that these files use: any other is an error.
Keras runs as its users run it: keras.applications, ImageDataGenerator, fit. Only the weights come from a file, and
the last layer gives logits with from_logits=True in the loss: Keras' torch back end clips probabilities to
[1e-7, 1 - 1e-7] before the logarithm, which cuts off the gradient of photos that are badly wrong.
"""

import argparse
import itertools
import json
import os
import pathlib
import re
import time

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy
import torch
import yaml
from keras.applications import imagenet_utils
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

AXES = ["freeze", "head", "dropout", "seed"]  # the keys that may be lists
KEYS = set(AXES) | {"name", "data", "backbone", "weights", "until", "image_size", "loss", "optimizer", "learning_rate",
                    "batch_size", "epochs", "augment"}


# --- photos ---------------------------------------------------------------------------------------------------------


def prepare_photos(source, target, per_class):
    """The first photos of each class. Keras drops an alpha channel and thaw lays it over white; thaw turns a photo as
    its EXIF data says and Keras does not: photos with either are written anew, without it, the others are links."""
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        (target / folder.name).mkdir(parents=True, exist_ok=True)
        for photo in sorted(folder.iterdir())[:per_class]:
            with Image.open(photo) as image:
                plain = image.mode in ("RGB", "L") and "transparency" not in image.info
                if plain and image.getexif().get(0x0112, 1) == 1:
                    (target / folder.name / photo.name).symlink_to(photo.resolve())
                    continue
                colours = image.convert("RGBA")
                on_white = Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)
                on_white.convert("RGB").save(target / folder.name / f"{photo.stem}.png")


def photo_batches(sweep, folder, seed):
    """Keras' generators of training and validation photos. The split is its own: of each class, sorted by name, the
    first photos validate; thaw calls it keras-generator."""
    split = sweep["data"]["split"]
    if split["method"] != "keras-generator" or sweep["data"]["interpolation"] != "nearest":
        raise SystemExit("Keras' generator knows one split, keras-generator, and reads photos with `nearest`")
    mode = sweep["weights"]["preprocessing"]
    prepare = (lambda x: x / 255) if mode == "rescale" else lambda x: imagenet_utils.preprocess_input(x, mode=mode)
    usual = {"preprocessing_function": prepare, "validation_split": split["validation"]}
    augment = {key: value for key, value in sweep.get("augment", {}).items() if key != "views"}
    if augment and sweep["augment"]["views"] != "fresh":
        raise SystemExit("Keras draws every epoch anew: views: fresh")
    flow = {
        "directory": folder,
        "target_size": (sweep["image_size"], sweep["image_size"]),
        "batch_size": sweep["batch_size"],
        "class_mode": "binary" if is_binary(sweep) else "categorical",
        "seed": seed,
    }
    training = ImageDataGenerator(**usual, **augment).flow_from_directory(subset="training", **flow)
    validation = ImageDataGenerator(**usual).flow_from_directory(subset="validation", shuffle=False, **flow)
    return training, validation


# --- weights --------------------------------------------------------------------------------------------------------


def read_safetensors(file):
    """Names and float32 tensors."""
    content = pathlib.Path(file).read_bytes()
    length = int.from_bytes(content[:8], "little")
    kinds = {"F16": numpy.float16, "F32": numpy.float32}
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = numpy.frombuffer(content[begin:end], kinds[entry["dtype"]])
            tensors[name] = values.reshape(entry["shape"]).astype(numpy.float32)
    return tensors


def kernel(weights):
    """[out, in, height, width] -> Keras' [height, width, in, out]."""
    return weights.transpose(2, 3, 1, 0)


def fill_vgg16(base, file):
    tensors = read_safetensors(file)
    numbers = sorted({int(re.search(r"features\.(\d+)", name)[1]) for name in tensors})
    for layer, number in zip([layer for layer in base.layers if "conv" in layer.name], numbers, strict=True):
        layer.set_weights([kernel(tensors[f"features.{number}.weight"]), tensors[f"features.{number}.bias"]])


def fill_mobilenet(base, file):
    tensors = {name: value.float().numpy() for name, value in torch.load(file, weights_only=True).items()}

    def norm(layer, name):
        parts = ["weight", "bias", "running_mean", "running_var"]
        base.get_layer(layer).set_weights([tensors[f"{name}.{part}"] for part in parts])

    base.get_layer("conv1").set_weights([kernel(tensors["features.0.conv.weight"])])
    norm("conv1_bn", "features.0.bn")
    for i in range(1, 14):
        depthwise = tensors[f"features.{i}.dw.weight"].transpose(2, 3, 0, 1)  # [height, width, channels, 1]
        base.get_layer(f"conv_dw_{i}").set_weights([depthwise])
        base.get_layer(f"conv_pw_{i}").set_weights([kernel(tensors[f"features.{i}.pw.weight"])])
        norm(f"conv_dw_{i}_bn", f"features.{i}.dw_bn")
        norm(f"conv_pw_{i}_bn", f"features.{i}.pw_bn")


def fill_resnet50(base, file):
    """A legacy HDF5 file: a group a layer, whose names are those of keras.applications."""
    with h5py.File(file) as content:
        groups = content["model_weights"] if "model_weights" in content else content
        for layer in base.layers:
            if layer.weights:
                group = groups[layer.name]
                layer.set_weights([group[name][()] for name in group.attrs["weight_names"]])


def fill_xception(base, file):
    """A whole model's .keras file, of which the base is a layer."""
    model = keras.saving.load_model(file, compile=False)
    base.set_weights(model.get_layer("xception").get_weights())


NETWORKS = {
    "vgg16": (keras.applications.VGG16, fill_vgg16),
    "mobilenet_v1": (keras.applications.MobileNet, fill_mobilenet),
    "keras_resnet50": (keras.applications.ResNet50, fill_resnet50),
    "xception": (keras.applications.Xception, fill_xception),
    "keras_inception_v3": (keras.applications.InceptionV3, None),
}


def build_base(name, size, weights_file, until):
    keras.backend.clear_session()  # so that layers without a name of their own are numbered from the start
    network, fill = NETWORKS[name]
    base = network(weights=None, include_top=False, input_shape=(size, size, 3))
    if weights_file:
        fill(base, weights_file)
    return keras.Model(base.input, base.get_layer(until).output) if until else base


# --- training -------------------------------------------------------------------------------------------------------


def is_binary(sweep):
    return sweep.get("loss") == "binary_crossentropy"


def build_optimizer(setting, learning_rate):
    [(kind, options)] = setting.items() if isinstance(setting, dict) else [(setting, {})]
    kinds = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}
    return kinds[kind](learning_rate=learning_rate, **options)


def build_model(trial, classes):
    base = build_base(trial["backbone"], trial["image_size"], trial["weights"]["file"], trial.get("until"))
    freeze = {"all": len(base.layers), "none": 0}.get(trial["freeze"], trial["freeze"])
    for layer in base.layers[:freeze]:
        layer.trainable = False
    head = trial["head"] if isinstance(trial["head"], dict) else {"dense": trial["head"]}
    widths = head["dense"] if isinstance(head["dense"], list) else [int(w) for w in str(head["dense"]).split("-")]
    rates = trial["dropout"] if isinstance(trial["dropout"], list) else [trial["dropout"]] * len(widths)
    start = head.get("initializer", "glorot_uniform")
    pool = keras.layers.Flatten() if head.get("pooling") == "flatten" else keras.layers.GlobalAveragePooling2D()
    x = pool(base.output)
    for width, rate in zip(widths, rates, strict=True):
        x = keras.layers.Dense(width, activation="relu", kernel_initializer=start)(x)
        x = keras.layers.Dropout(rate)(x) if rate else x
    x = keras.layers.Dense(1 if is_binary(trial) else classes, kernel_initializer=start)(x)
    model = keras.Model(base.input, x)
    if is_binary(trial):
        loss, accuracy = keras.losses.BinaryCrossentropy(from_logits=True), keras.metrics.BinaryAccuracy(threshold=0.0)
    else:
        loss, accuracy = keras.losses.CategoricalCrossentropy(from_logits=True), keras.metrics.CategoricalAccuracy()
    accuracy.name = "accuracy"
    model.compile(build_optimizer(trial["optimizer"], trial["learning_rate"]), loss=loss, metrics=[accuracy])
    return model


def train(trial, folder):
    """One trial's epochs, and the processor seconds of all of it: building, reading photos, training."""
    begin = time.process_time()
    keras.utils.set_random_seed(trial["seed"])
    training, validation = photo_batches(trial, folder, trial["seed"])
    model = build_model(trial, training.num_classes)
    past = model.fit(training, validation_data=validation, epochs=trial["epochs"], verbose=0).history
    return {
        **{axis: trial[axis] for axis in AXES},
        "train_accuracy": past["accuracy"],
        "validation_accuracy": past["val_accuracy"],
        "train_loss": past["loss"],
        "validation_loss": past["val_loss"],
        "processor_seconds": time.process_time() - begin,
        "validation_photos": validation.filenames,
    }


def with_environment(value, folder):
    """${NAME} and ${NAME:-default}; paths are relative to the sweep file."""
    text = re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: os.environ.get(m[1], m[2] or ""), value)
    return str(folder / text)


def read_sweep(file):
    sweep = yaml.safe_load(re.sub(r"(?m)(?<=[ \[,])(\d+)e-(\d+)", r"\1.0e-\2", file.read_text()))
    if unknown := set(sweep) - KEYS:
        raise SystemExit(f"{file}: {', '.join(sorted(unknown))}: not a key that Keras' side reads")
    sweep["data"]["folder"] = with_environment(sweep["data"]["folder"], file.parent)
    sweep["weights"]["file"] = with_environment(sweep["weights"]["file"], file.parent)
    return {"dropout": 0, "seed": 1, **sweep}


def train_all(file, out):
    torch.set_num_threads(1)
    sweep = read_sweep(file)
    values = [sweep[axis] if isinstance(sweep[axis], list) else [sweep[axis]] for axis in AXES]
    trials = []
    for point in itertools.product(*values):
        trials.append(train({**sweep, **dict(zip(AXES, point, strict=True))}, sweep["data"]["folder"]))
        last = trials[-1]
        print(file.stem, *point, f"{last['validation_accuracy'][-1]:.3f} in {last['processor_seconds']:.0f} s",
              flush=True)
        out.write_text(json.dumps({"keras": keras.__version__, "trials": trials}, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    photos = commands.add_parser("photos")
    photos.add_argument("source", type=pathlib.Path)
    photos.add_argument("target", type=pathlib.Path)
    photos.add_argument("--per-class", type=int, required=True)
    training = commands.add_parser("train")
    training.add_argument("sweep", type=pathlib.Path)
    training.add_argument("out", type=pathlib.Path)
    shapes = commands.add_parser("shapes")
    shapes.add_argument("network", choices=NETWORKS)
    shapes.add_argument("size", type=int)
    shapes.add_argument("layer")
    given = parser.parse_args()
    if given.command == "photos":
        prepare_photos(given.source, given.target, given.per_class)
    elif given.command == "train":
        train_all(given.sweep, given.out)
    else:
        base = build_base(given.network, given.size, None, given.layer)
        print(given.network, given.layer, "x".join(str(side) for side in base.output.shape[1:]))


if __name__ == "__main__":
    main()
