"""Writes pictures of every format x mode x orientation x transparency that Pillow writes into the folder named, and what
Pillow shows of each, turned by ImageOps.exif_transpose and over white: a line a file, NAME REFERENCE TOLERANCE DECODER.
DECODER is 2 where thaw's first decoders, OpenCV's and GDAL's, made other pixels of the file: that was measured.
"""
import pathlib
import re
import struct
import sys

try:
    import numpy
    from PIL import GifImagePlugin, Image, ImageOps, TiffImagePlugin
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)

OUT = pathlib.Path(sys.argv[1])
WIDTH, HEIGHT = 24, 16
LOSSLESS, LOSSY = 1, 4
GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY


def picture(seed=1):
    """Blocks of colours, no two alike, so that lost or turned pixels show."""
    colours = numpy.random.default_rng(seed).integers(0, 256, (4, 6, 3))
    return Image.fromarray(numpy.kron(colours, numpy.ones((4, 4, 1))).astype(numpy.uint8))


RGB = picture()
ALPHA = Image.fromarray(numpy.linspace(0, 255, WIDTH * HEIGHT).astype(numpy.uint8).reshape(HEIGHT, WIDTH))
GREY = RGB.convert("L")
SHADES = numpy.array(GREY).astype(numpy.uint16) * 257
PALETTE = RGB.convert("P", palette=Image.ADAPTIVE, colors=16)
RGBA = Image.merge("RGBA", (*RGB.split(), ALPHA))
LA = Image.merge("LA", (GREY, ALPHA))
INDEX = PALETTE.getpixel((0, 0))


def shown(image):
    if image.format != "TIFF":  # which load() has turned already
        image = ImageOps.exif_transpose(image)
    if image.mode == "P" and "transparency" not in image.info:
        image = image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def report(name, reference, tolerance):
    reference.save(OUT / f"{name}.reference.png")
    print(name, f"{name}.reference.png", tolerance, decoder(name), flush=True)


def decoder(name):
    turned = bool(re.search("_[2-8][_.]", name))
    has_alpha = bool(re.match("LA_|RGBA_|.*key|P_alpha", name))
    if name.endswith(".png"):
        return 2 if re.match("[L1]_key", name) or (has_alpha and turned) else 1
    if name.endswith(".webp"):
        return 2 if turned or "moving" in name else 1
    if name.endswith(".tif"):
        return 2 if has_alpha or name.startswith(("16", "12")) else 1
    if name.endswith(".gif"):
        return 1 if re.match("(L|P|1)_0_", name) else 2
    return 1


def write_big_tiff(name, image, orientation):
    """BigTIFF, which Pillow reads and before version 11 does not write: one strip, nothing packed."""
    pixels = numpy.array(image)
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    bits = pixels.dtype.itemsize * 8
    tags = [(256, 4, [image.width]), (257, 4, [image.height]), (258, 3, [bits] * samples), (259, 3, [1]),
            (262, 3, [1 if samples < 3 else 2]), (273, 16, [0]), (274, 3, [orientation]), (277, 3, [samples]),
            (278, 4, [image.height]), (279, 16, [pixels.nbytes])] + ([(338, 3, [2])] if samples in (2, 4) else [])
    tags[5] = (273, 16, [16 + 8 + 20 * len(tags) + 8])
    out = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + struct.pack("<Q", len(tags))
    for tag, kind, values in tags:
        out += struct.pack("<HHQ", tag, kind, len(values))
        out += struct.pack("<%d%s" % (len(values), {3: "H", 4: "I", 16: "Q"}[kind]), *values).ljust(8, b"\0")
    (OUT / name).write_bytes(out + struct.pack("<Q", 0) + pixels.tobytes())


def check(name, tolerance=LOSSLESS, reference=None):
    with Image.open(OUT / name) as image:
        image.load()
        report(name, shown(image) if reference is None else reference, tolerance)


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def turned(grey, orientation):
    """What Pillow's modes of 16 bits cannot be turned by."""
    turns = {1: lambda a: a, 2: numpy.fliplr, 3: lambda a: a[::-1, ::-1], 4: numpy.flipud, 5: lambda a: a.swapaxes(0, 1),
             6: lambda a: numpy.rot90(a, -1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1), 8: numpy.rot90}
    return Image.fromarray(numpy.ascontiguousarray(turns[orientation](grey))).convert("RGB")


for turn in range(1, 9):
    for mode, image, options in (
            ("1", GREY.convert("1"), {}), ("L", GREY, {}), ("LA", LA, {}), ("P", PALETTE, {}), ("RGB", RGB, {}),
            ("RGBA", RGBA, {}), ("P4", PALETTE, {"bits": 4}), ("L_key", GREY, {"transparency": GREY.getpixel((0, 0))}),
            ("1_key", GREY.convert("1"), {"transparency": 0}), ("RGB_key", RGB, {"transparency": RGB.getpixel((0, 0))}),
            ("P_key", PALETTE, {"transparency": INDEX}), ("P_alpha", PALETTE, {"transparency": bytes(range(0, 256, 16))})):
        name = f"{mode}_{turn}.png"
        image.save(OUT / name, exif=exif(turn), **options)
        # Of the colours that are opaque in a file Pillow's own reader is sure; a key of one bit it reads as 1, not 255.
        reference = None
        if mode == "1_key":
            with Image.open(OUT / name) as read:
                bits = ImageOps.exif_transpose(read).convert("L")
            reference = bits.point(lambda v: 255).convert("RGB")
        check(name, reference=reference)
    Image.fromarray(SHADES).save(OUT / f"16_{turn}.png", exif=exif(turn))
    check(f"16_{turn}.png", reference=turned(numpy.array(GREY), turn))
    for mode, image in (("RGB", RGB), ("RGBA", RGBA)):
        image.save(OUT / f"{mode}_{turn}.webp", exif=exif(turn), lossless=True, exact=True)
        check(f"{mode}_{turn}.webp")
        image.save(OUT / f"{mode}_{turn}_lossy.webp", exif=exif(turn), quality=90)
        check(f"{mode}_{turn}_lossy.webp", LOSSY)
    for mode, image in (("L", GREY), ("RGB", RGB), ("CMYK", RGB.convert("CMYK"))):
        for progressive in (False, True):
            name = f"{mode}_{turn}{'_progressive' if progressive else ''}.jpg"
            image.save(OUT / name, exif=exif(turn), quality=95, progressive=progressive)
            check(name, LOSSY)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = turn
    for mode, image in (("1", GREY.convert("1")), ("L", GREY), ("LA", LA), ("P", PALETTE), ("RGB", RGB), ("RGBA", RGBA),
                        ("RGBX", RGB.convert("RGBX")), ("CMYK", RGB.convert("CMYK"))):
        for packed in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            name = f"{mode}_{turn}_{packed}.tif"
            image.save(OUT / name, tiffinfo=tags, compression=packed)
            check(name)
    for mode, image in (("L", GREY), ("RGB", RGB), ("RGBA", RGBA)):
        write_big_tiff(f"{mode}_{turn}_big.tif", image, turn)
        check(f"{mode}_{turn}_big.tif")
    for name, shades in (("16", SHADES), ("12", SHADES >> 4)):
        Image.fromarray(shades).save(OUT / f"{name}_{turn}.tif", tiffinfo=tags)
        check(f"{name}_{turn}.tif", reference=turned(numpy.array(GREY), turn))

for mode, image in (("1", GREY.convert("1")), ("L", GREY), ("P", PALETTE), ("RGB", RGB), ("RGBA", RGBA)):
    image.save(OUT / f"{mode}.bmp")
    check(f"{mode}.bmp", reference=RGB if mode == "RGBA" else None)
for mode, image in (("1", GREY.convert("1")), ("L", GREY), ("RGB", RGB)):
    image.save(OUT / f"{mode}.ppm")
    check(f"{mode}.ppm")

OTHERS = [picture(seed).convert("P", palette=Image.ADAPTIVE, colors=16 + seed) for seed in (2, 3)]
for interlace in (0, 1):
    for kind, image, options in (("L", GREY, {}), ("P", PALETTE, {}), ("key", PALETTE, {"transparency": INDEX}),
                                 ("RGBA", RGBA, {}), ("1", GREY.convert("1"), {})):
        for frames in (0, 1, 2):
            for disposal in (0, 1, 2, 3) if frames else (0,):
                name = f"{kind}_{frames}_{disposal}_{interlace}.gif"
                more = {"save_all": True, "append_images": OTHERS[:frames], "disposal": disposal} if frames else {}
                image.save(OUT / name, interlace=interlace, **options, **more)
                check(name)
for kind, image in (("RGB", RGB), ("RGBA", RGBA)):
    for frames in (1, 2):
        name = f"{kind}_moving_{frames}.webp"
        image.save(OUT / name, save_all=True, append_images=[picture(2).convert(kind)] * frames, lossless=True, duration=9)
        check(name)
