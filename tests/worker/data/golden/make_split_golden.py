#!/usr/bin/env python3
"""Makes split_golden.json beside it: which files Keras' own code takes for training and for validation, and which fold
scikit-learn puts them into, over folders of tiny images. Needs keras (any back end), scikit-learn, numpy and Pillow."""
import json
import os
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from keras.src.trainers.data_adapters.array_slicing import train_validation_split
from keras.src.utils import image_dataset_utils
from PIL import Image
from sklearn.model_selection import KFold, StratifiedKFold

SHAPES = {
    # 10 sorts before 2.
    "equal": [f"{name}s/{name}.{i}.jpg" for name in ("cat", "dog") for i in range(15)],
    "unequal": [f"{name}/{i:03}.png" for name, count in (("a", 37), ("b", 5), ("c", 11)) for i in range(count)],
    "many": [f"class {c}/image {i}.jpeg" for c in range(13) for i in range(3 + c % 6)],
    "nested": [f"Big/{i}.jpg" for i in range(21)]
    + ["tiny/" + name for name in ("10.jpg", "2.jpg", "A.JPG", "b.PNG", "ä ö.jpg", "Z.jpg", "sub/10.jpg", "sub/9.jpg",
                                   "sub/deep/x.jpg", "sub-1/y.jpg", "sub1.jpg", "a-b.jpg", "a.b.jpg", "a_b.jpg")],
    "mixed": [f"{name}/{i}.{ending}" for name in ("x", "y", "Y")
              for i, ending in enumerate(("jpg", "JPEG", "png", "bmp", "gif", "webp", "ppm", "tif", "tiff", "jpg", "Png",
                                          "txt", "jpg.bak", "npy"))]
    + ["x/Thumbs.db", "x/nodotjpg", "y/README"],
}
CASES = [(1, 0.2), (42, 0.25), (1337, 1 / 3)]  # seed, fraction


def write_tree(folder, files):
    for name in files:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        ending = name.lower().rsplit(".", 1)[-1]
        if ending in ("jpg", "jpeg", "png", "bmp", "gif", "webp", "ppm", "tif", "tiff"):
            Image.new("RGB", (2, 2)).save(path)
        else:
            open(path, "w").close()


class NamesOnly:
    """In place of the data set that Keras makes of the names it has chosen."""

    def to_iter_dataset(self):
        return self

    def batch(self, *_, **__):
        return self


image_dataset_utils.paths_and_labels_to_dataset = lambda **_: NamesOnly()


def generator_split(folder, seed, fraction):
    generator = ImageDataGenerator(validation_split=fraction)
    return [[os.path.normpath(name) for name in generator.flow_from_directory(folder, subset=subset, seed=seed,
                                                                              shuffle=False).filenames]
            for subset in ("training", "validation")]


def dataset_split(folder, seed, fraction):
    parts = image_dataset_utils.image_dataset_from_directory(folder, validation_split=fraction, subset="both", seed=seed,
                                                             format="grain")
    return [[os.path.relpath(path, folder) for path in part.file_paths] for part in parts]


def fit_split(names, fraction):
    (training,), (validation,) = train_validation_split((np.arange(len(names)),), fraction)
    return [[names[int(i)] for i in part] for part in (training, validation)]


def folds_of(splitter, names):
    fold = [0] * len(names)
    labels = [name.split("/")[0] for name in names]
    for number, (_, validation) in enumerate(splitter.split(names, labels), 1):
        for i in validation:
            fold[i] = number
    return dict(zip(names, fold))


golden = []
for shape, files in SHAPES.items():
    with tempfile.TemporaryDirectory() as folder:
        write_tree(folder, files)
        splits, folds = [], []

        def add(method, seed, fraction, parts):
            splits.append({"method": method, "seed": seed, "validation": fraction,
                           "parts": [sorted(files.index(name) for name in part) for part in parts]})

        def add_folds(method, seed, count, fold):
            folds.append({"method": method, "seed": seed, "folds": count,
                          "fold": [fold.get(name, 0) for name in files]})

        for seed, fraction in CASES:
            add("keras-generator", seed, fraction, generator_split(folder, seed, fraction))
            add("keras-dataset", seed, fraction, dataset_split(folder, seed, fraction))
        listed = ImageDataGenerator().flow_from_directory(folder, shuffle=False).filenames
        if shape not in ("nested", "mixed"):  # the others' lists are for whoever loads them to choose
            for seed, fraction in CASES:
                add("fit", seed, fraction, fit_split(listed, fraction))
            for count in (3, 5):
                add_folds("fit", 1, count, folds_of(KFold(count), listed))
        for count in (2, 3, 5):
            add_folds("keras-generator", 1, count, folds_of(StratifiedKFold(count), listed))
            shuffled = image_dataset_utils.image_dataset_from_directory(folder, seed=7, format="grain").file_paths
            add_folds("keras-dataset", 7, count, folds_of(KFold(count), [os.path.relpath(path, folder)
                                                                         for path in shuffled]))
        golden.append({"shape": shape, "files": files, "splits": splits, "folds": folds})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "split_golden.json"), "w") as out:
    json.dump(golden, out, ensure_ascii=False, separators=(",", ":"))
    out.write("\n")
