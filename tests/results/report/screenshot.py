"""The top of a report as a picture: `screenshot.py report.html docs/report.png [WIDTH HEIGHT [FROM]]`, in pixels.

Of any sweep: `thaw report RUN` writes the page. A picture for the README has at most 200 KB. Needs Chromium.
"""
import base64
import collections
import pathlib
import shutil
import struct
import sys
import tempfile
import zlib

from browser import Browser

MOST_BYTES = 200_000


def rows_of(png):
    """Width, and the lines of an RGB picture, without the filters that PNG lays over them."""
    width, height = struct.unpack(">II", png[16:24])
    assert png[24:26] == b"\x08\x02", "not 8-bit RGB"
    packed, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        packed += png[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    data, stride, above, rows = zlib.decompress(packed), 3 * width, bytes(3 * width), []
    for row in range(height):
        kind, *line = data[row * (stride + 1):(row + 1) * (stride + 1)]
        for i in range(stride if kind else 0):
            left, up, corner = (line[i - 3] if i > 2 else 0), above[i], (above[i - 3] if i > 2 else 0)
            nearest = min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]
            line[i] = (line[i] + (left, up, (left + up) // 2, nearest)[kind - 1]) & 255
        above = bytes(line)
        rows.append(above)
    return width, rows


def with_palette(png):
    """The same picture in 256 colours, a third of the size: the most frequent one of every kind of colour first, so that
    a small blue dot stays blue, then the most frequent of all."""
    width, rows = rows_of(png)
    pixels = [[row[i:i + 3] for i in range(0, len(row), 3)] for row in rows]
    counts = collections.Counter(pixel for row in pixels for pixel in row)
    ranked, kinds = [colour for colour, _ in counts.most_common()], {}
    for colour in ranked:
        kinds.setdefault(tuple(level >> 5 for level in colour), colour)
    palette = list(dict.fromkeys([*kinds.values(), *ranked]))[:256]
    places = {colour: min(range(len(palette)), key=lambda i: sum((a - b) ** 2 for a, b in zip(palette[i], colour)))
              for colour in counts}
    lines = b"".join(b"\0" + bytes(places[pixel] for pixel in row) for row in pixels)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"PLTE", b"".join(palette)) +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def main():
    page, picture = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    width, height, top = [int(given) for given in sys.argv[3:6]] + [1400, 1400, 0][len(sys.argv[3:6]):]
    program = shutil.which("chromium") or sys.exit("no chromium here (Debian's package of this name)")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        try:
            browser("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
            browser("Emulation.setEmulatedMedia", media="screen",
                    features=[{"name": "prefers-color-scheme", "value": "light"}])
            browser.open(page.as_uri())
            shown = base64.b64decode(browser("Page.captureScreenshot", captureBeyondViewport=True, clip={
                "x": 0, "y": top, "width": width, "height": height, "scale": 1})["data"])
        finally:
            browser.close()
    shown = with_palette(shown)
    if len(shown) > MOST_BYTES:
        sys.exit(f"{len(shown)} bytes are more than {MOST_BYTES}: take a lower picture")
    picture.write_bytes(shown)


main()
