"""Writes pictures of every format x mode x orientation x transparency that Pillow writes into the folder named, and what
Pillow shows of each, turned by ImageOps.exif_transpose and over white: a line a file, NAME REFERENCE TOLERANCE.
"""
import pathlib
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
    print(name, f"{name}.reference.png", tolerance, flush=True)


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
            for big in (False, True) if packed is None else (False,):
                name = f"{mode}_{turn}_{packed}{'_big' if big else ''}.tif"
                image.save(OUT / name, tiffinfo=tags, compression=packed, big_tiff=big)
                check(name)
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
