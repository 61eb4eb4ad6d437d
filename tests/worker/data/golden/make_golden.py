#!/usr/bin/env python3
"""Makes the files beside it: what numpy and PIL answer, for the tests of worker/data. Needs numpy and Pillow."""
import numpy as np
from PIL import Image, ImageOps

with open("numpy_shuffle.txt", "w") as out:
    for seed in (0, 1, 123, 4294967295):
        for n in (1, 2, 33, 100):
            order = list(range(n))
            np.random.RandomState(seed).shuffle(order)
            print(seed, n, *order, file=out)

random = np.random.RandomState(7)
y, x = np.mgrid[0:61, 0:97]
picture = np.stack([x * 2.6, y * 4.1, (x * y) % 256], 2) * 0.7 + random.randint(0, 77, (61, 97, 3))
photo = Image.fromarray(picture.astype(np.uint8))
alpha = Image.fromarray(((x * 5 + y * 3) % 256).astype(np.uint8))
rgba = photo.copy()
rgba.putalpha(alpha)
exif = Image.Exif()
exif[0x0112] = 6
inputs = {
    "photo.png": (photo, {}),
    "grey.png": (photo.convert("L"), {}),
    "rgba.png": (rgba, {}),
    "grey_alpha.png": (rgba.convert("LA"), {}),
    "palette.png": (photo.quantize(16), {"transparency": 3}),
    "exif_6.jpg": (photo.resize((48, 30)), {"exif": exif, "quality": 95}),
    "progressive_grey.jpg": (photo.convert("L"), {"progressive": True}),
    "cmyk.jpg": (photo.convert("CMYK"), {}),
    "photo.webp": (photo, {"lossless": True}),
    "photo.gif": (photo.quantize(16), {}),
    "photo.bmp": (photo, {}),
}
for name, (image, options) in inputs.items():
    image.save(name, **options)

filters = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def upright_rgb(name):
    image = ImageOps.exif_transpose(Image.open(name))
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def resized(image, size, method, interpolation):
    if method == "crop":
        shorter = min(image.size)
        image = image.resize(tuple(int(size * side / shorter) for side in image.size), filters[interpolation])
        left, top = (int(round((side - size) / 2)) for side in image.size)
        return image.crop((left, top, left + size, top + size))
    # Across, then down, whatever the shape; some versions of Pillow choose the order.
    return image.resize((size, image.height), filters[interpolation]).resize((size, size), filters[interpolation])


cases = [(name, 32, "squash", "bilinear") for name in inputs]
cases += [("photo.png", size, method, interpolation)
          for size in (17, 40, 130) for method in ("squash", "crop") for interpolation in filters]
with open("pil_cases.txt", "w") as out:
    for name, size, method, interpolation in cases:
        answer = f"{name.replace('.', '_')}_{size}_{method}_{interpolation}.png"
        resized(upright_rgb(name), size, method, interpolation).save(answer, optimize=True)
        print(name, size, method, interpolation, answer, file=out)
