#!/usr/bin/env python3
"""Writes images/: small files of every kind that the decoder meets, and images.json with what PIL decodes from them.

Needs PIL and numpy (Debian: python3-pil, python3-numpy). Run in this folder.
"""
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

y, x = np.mgrid[0:12, 0:20]
rgb = np.stack([12 * x + 5, 20 * y + 10, 255 - 9 * x - 4 * y], axis=-1).clip(0, 255).astype(np.uint8)
gray = (7 * x + 9 * y).astype(np.uint8)
expected = {}


def record(name, image=None):
    opened = ImageOps.exif_transpose(Image.open(f"images/{name}")) if image is None else image
    array = np.asarray(opened.convert("RGB"))
    expected[name] = dict(
        width=array.shape[1], height=array.shape[0], pixels=[int(v) for v in array.reshape(-1)])


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


color = Image.fromarray(rgb)
for name, options in {
    "baseline.jpg": dict(quality=95, subsampling=0),
    "subsampled.jpg": dict(quality=90, subsampling=2),
    "progressive.jpg": dict(quality=90, progressive=True),
}.items():
    color.save(f"images/{name}", **options)
    record(name)
Image.fromarray(gray).save("images/gray.jpg", quality=95)
record("gray.jpg")
color.convert("CMYK").save("images/cmyk.jpg", quality=95)
record("cmyk.jpg")

for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = f"orientation-{orientation}.jpg"
    color.save(f"images/{name}", quality=95, subsampling=0, exif=exif)
    record(name)

color.save("images/rgb.png")
record("rgb.png")
Image.fromarray(gray).save("images/gray.png")
record("gray.png")
color.quantize(16).save("images/palette.png")
record("palette.png")
alpha = np.dstack([rgb, (12 * x).astype(np.uint8)])
Image.fromarray(alpha).save("images/alpha.png")
record("alpha.png")
Image.fromarray(np.dstack([gray, (255 - 12 * x).astype(np.uint8)]), "LA").save("images/gray-alpha.png")
record("gray-alpha.png", Image.fromarray(gray))
Image.fromarray(gray > 100).save("images/bilevel.png")
record("bilevel.png")
# PIL cannot write 16 bits of colour, nor an orientation into a PNG: both by hand.
wide = rgb.astype(">u2") * 257
rows = b"".join(b"\0" + row.tobytes() for row in wide)
header = struct.pack(">IIBBBBB", 20, 12, 16, 2, 0, 0, 0)
with open("images/rgb16.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
record("rgb16.png", color)
rows = b"".join(b"\0" + row.tobytes() for row in rgb)
header = struct.pack(">IIBBBBB", 20, 12, 8, 2, 0, 0, 0)
tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + b"\0\0\0\0"
with open("images/orientation-6.png", "wb") as file:
    file.write(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"eXIf", tiff) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b""))
record("orientation-6.png", Image.fromarray(np.rot90(rgb, -1)))

with open("images.json", "w") as file:
    json.dump(expected, file, separators=(",", ":"))
