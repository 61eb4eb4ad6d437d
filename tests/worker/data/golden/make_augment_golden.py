"""Writes augment_cases.txt and augment_golden.png: what Keras' ImageDataGenerator.apply_transform makes of photo.png's
middle, 24 pixels squared, for parameters such as Keras draws. One case a line and one square of the picture, from top
to bottom; the first square is the image itself.

    KERAS_BACKEND=torch python make_augment_golden.py     (Keras 3.15.1, SciPy 1.17.1, Pillow 13.0.0)
"""

import pathlib

import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

SIZE = 24
HERE = pathlib.Path(__file__).parent
USUAL = dict(theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, flip_horizontal=0, flip_vertical=0,
             channel_shift_intensity=None, brightness=None)
EVERYTHING = dict(theta=-23.7, tx=3.3, ty=-5.1, shear=11.5, zx=0.83, zy=1.21, flip_horizontal=1,
                  channel_shift_intensity=-31.5, brightness=1.17)
SINGLE = [dict(theta=17.3), dict(theta=-90), dict(tx=4.25), dict(tx=-11), dict(ty=6.5), dict(shear=13.0),
          dict(shear=-35.5), dict(zx=0.71, zy=0.71), dict(zx=1.4, zy=0.8), dict(flip_horizontal=1),
          dict(flip_vertical=1), dict(channel_shift_intensity=40.25), dict(channel_shift_intensity=-90.5),
          dict(brightness=0.55), dict(brightness=1.6), dict(brightness=0.0)]
TOGETHER = [dict(theta=8, tx=2.5, ty=-1.25, zx=0.9, zy=0.95), dict(theta=40, shear=20, flip_vertical=1),
            dict(tx=50, ty=-47.5), dict(theta=120, zx=2.7, zy=3.1),
            dict(channel_shift_intensity=22.2, brightness=0.8, flip_horizontal=1), EVERYTHING]
MOVING = [dict(theta=17.3), dict(tx=50.5, ty=-47.5), dict(theta=120, zx=2.7, zy=3.1), EVERYTHING]
CASES = [("nearest", 0, case) for case in SINGLE + TOGETHER]
CASES += [(mode, 0, case) for mode in ("reflect", "wrap") for case in MOVING]
CASES += [("constant", level, case) for level in (0, 128.5) for case in MOVING]


def main():
    photo = Image.open(HERE / "photo.png").convert("RGB")
    left, top = (photo.width - SIZE) // 2, (photo.height - SIZE) // 2
    image = np.asarray(photo.crop((left, top, left + SIZE, top + SIZE)))
    squares, lines = [image], []
    for fill_mode, cval, case in CASES:
        keras = ImageDataGenerator(fill_mode=fill_mode, cval=cval)
        given = USUAL | case
        changed = keras.apply_transform(image.astype("float32"), given)
        squares.append(np.clip(np.rint(changed), 0, 255).astype("uint8"))
        lines.append(" ".join([fill_mode, str(cval)] + ["-" if given[k] is None else str(given[k]) for k in USUAL]))
    Image.fromarray(np.concatenate(squares)).save(HERE / "augment_golden.png", optimize=True)
    (HERE / "augment_cases.txt").write_text("\n".join(lines) + "\n")


main()
