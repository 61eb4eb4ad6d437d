#!/usr/bin/env python3
"""Makes pad_grey_cases.txt and the answers it names, of the pictures that make_golden.py makes: `resize: pad` by PIL's
ImageOps.pad, `grey: true` by Keras' load_img. Needs Pillow and keras (any back end)."""
import os

os.environ.setdefault("KERAS_BACKEND", "torch")
from keras.utils import load_img
from PIL import Image, ImageOps

FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}

Image.open("photo.png").transpose(Image.Transpose.ROTATE_90).save("tall.png")
cases = [("photo.png", size, "pad", name, False) for size in (17, 40, 130) for name in FILTERS]
cases += [("tall.png", size, "pad", name, False) for size in (17, 40) for name in ("nearest", "bilinear")]
cases += [("exif_6.jpg", 21, "pad", "bilinear", False), ("photo.png", 40, "pad", "bilinear", True)]
cases += [("photo.png", 32, "squash", name, True) for name in FILTERS]
cases += [(name, 32, "squash", "bilinear", True) for name in ("grey.png", "photo.bmp", "progressive_grey.jpg")]


def across_first(image, size, resampling):
    """As every Pillow does for wide pictures; some go down first for tall ones."""
    return image.resize((size[0], image.height), resampling).resize(size, resampling)


def answer_to(name, size, method, interpolation, grey):
    if method == "squash":
        return load_img(name, color_mode="grayscale", target_size=(size, size), interpolation=interpolation)
    image = ImageOps.exif_transpose(Image.open(name)).convert("L" if grey else "RGB")
    if image.height <= image.width:
        return ImageOps.pad(image, (size, size), FILTERS[interpolation])
    inner = across_first(image, ImageOps.contain(image, (size, size)).size, FILTERS[interpolation])
    return ImageOps.pad(inner, (size, size), FILTERS[interpolation])  # already fits: only padded


with open("pad_grey_cases.txt", "w") as out:
    for name, size, method, interpolation, grey in cases:
        answer = f"{name.replace('.', '_')}_{size}_{method}_{interpolation}{'_grey' if grey else ''}.png"
        answer_to(name, size, method, interpolation, grey).convert("RGB").save(answer, optimize=True)
        print(name, size, method, interpolation, int(grey), answer, file=out)
