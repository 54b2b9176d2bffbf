"""Labelled images of one size in memory: decoded once, from a tar or a folder with a folder a class."""

import io
import tarfile
from pathlib import Path, PurePath

import numpy
from contenders import BenchError
from PIL import Image

ENDINGS = {".jpg", ".jpeg", ".png"}


def load(path):
    """Pixels [n, s, s, 3] uint8, and each image's class by name, in the order of the images' names."""
    pixels, classes = [], []
    for name, data in sorted(files(path)):
        pixels.append(numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        classes.append(PurePath(name).parent.name)
    shapes = {image.shape for image in pixels}
    if len(shapes) != 1 or len({*shapes.pop()[:2]}) != 1:
        raise BenchError(f"{path} has no images, or not all are squares of one size")
    return numpy.stack(pixels), classes


def count(path):
    """How many images there are; nothing is decoded."""
    return sum(1 for _ in entries(path))


def files(path):
    for name, read in entries(path):
        yield name, read()


def entries(path):
    """(name, function that reads it) of each image."""
    if Path(path).is_dir():
        for file in Path(path).rglob("*"):
            if file.suffix.lower() in ENDINGS:
                yield str(file), file.read_bytes
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and PurePath(member.name).suffix.lower() in ENDINGS:
                yield member.name, lambda member=member: archive.extractfile(member).read()
