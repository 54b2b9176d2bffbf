#!/usr/bin/env python3
"""Writes augmentation.json: what torchvision and PIL make of a small image.

Needs torchvision 0.14 (Debian: python3-torchvision). Run in this folder. Samples are rounded to 6 digits. The plans of
views are by draws.py, beside it.
"""
import json

import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image

from draws import plans

rng = np.random.default_rng(20260101)


def picture(width, height, channels):
    """A picture with smooth parts, hard edges, saturated and gray pixels."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 120 * np.sin(0.35 * x * (c + 1) + 0.5 * c) * np.cos(0.27 * y + c) for c in range(3)]
    image = np.stack(planes, axis=-1) + rng.normal(0, 12, (height, width, 3))
    image[: height // 3, : width // 4] = [255, 0, 0]
    image[height // 3 : height // 2, : width // 5] = [90, 90, 90]
    image[-2:, -3:] = [0, 0, 255]
    image = np.clip(image, 0, 255).astype(np.uint8)
    return image if channels == 3 else image[:, :, 1]


def tensor(image):
    array = image if image.ndim == 3 else image[:, :, None]
    return torch.from_numpy(array).permute(2, 0, 1).float() / 255


def hwc(result):
    return [round(float(v), 6) for v in result.permute(1, 2, 0).reshape(-1)]


def entry(image, **fields):
    channels = 1 if image.ndim == 2 else 3
    return dict(width=image.shape[1], height=image.shape[0], channels=channels, **fields)


color = picture(14, 14, 3)
gray = picture(14, 14, 1)
large = picture(40, 31, 3)
# PIL clips between its two passes, which shows in bicubic overshoots; these images stay far from both ends.
soft = (large // 3 + 80).astype(np.uint8)
soft_gray = soft[:, :, 1]
images = {
    name: entry(image, pixels=[int(v) for v in image.reshape(-1)])
    for name, image in dict(color=color, gray=gray, large=large, soft=soft, soft_gray=soft_gray).items()
}

operations = []
for name, image, factors in [("color", color, [0.0, 0.73, 1.8]), ("gray", gray, [0.4, 1.7])]:
    source = tensor(image)
    for factor in factors:
        operations.append(dict(image=name, kind="brightness", factor=factor, out=hwc(F.adjust_brightness(source, factor))))
        operations.append(dict(image=name, kind="contrast", factor=factor, out=hwc(F.adjust_contrast(source, factor))))
        if name == "color":
            operations.append(
                dict(image=name, kind="saturation", factor=factor, out=hwc(F.adjust_saturation(source, factor))))
for shift in [-0.5, -0.13, 0.0, 0.2]:
    operations.append(dict(image="color", kind="hue", factor=shift, out=hwc(F.adjust_hue(tensor(color), shift))))
operations.append(
    dict(image="color", kind="gray", factor=0, out=hwc(F.rgb_to_grayscale(tensor(color), num_output_channels=3))))
# All four in a row, in an order of their own: clipping after each one shows.
chain = F.adjust_brightness(F.adjust_hue(F.adjust_contrast(F.adjust_saturation(tensor(color), 1.7), 1.8), 0.15), 1.6)
operations.append(dict(image="color", kind="chain", factor=0, out=hwc(chain)))

blurs = []
for name, image in [("color", color), ("gray", gray)]:
    for size, sigma in [(3, 0.1), (3, 1.3), (5, 2.0), (9, 1.0), (23, 1.5)]:
        if size // 2 < 14:
            out = F.gaussian_blur(tensor(image), [size, size], [sigma, sigma])
            blurs.append(dict(image=name, size=size, sigma=sigma, out=hwc(out)))

resizes = []
modes = dict(bilinear=F.InterpolationMode.BILINEAR, bicubic=F.InterpolationMode.BICUBIC)
for name, image in [("large", large), ("soft", soft), ("soft_gray", soft_gray)]:
    for mode, interpolation in modes.items():
        for left, top, width, height in [(0, 0, 40, 31), (5, 3, 29, 27), (30, 20, 7, 9), (11, 0, 1, 31)]:
            box = (left, top, left + width, top + height)
            pil = Image.fromarray(image).crop(box).resize((8, 8), getattr(Image, mode.upper()))
            exact = F.resized_crop(
                tensor(image), top, left, height, width, [8, 8], interpolation=interpolation, antialias=True)
            resize = dict(image=name, mode=mode, box=[left, top, width, height], out=hwc(exact.clamp(0, 1)))
            if name != "large":
                resize["pil"] = [int(v) for v in np.asarray(pil).reshape(-1)]
            resizes.append(resize)

solarized = [
    dict(image=name, threshold=threshold, out=hwc(F.solarize(tensor(image), threshold)))
    for name, image in [("color", color), ("gray", gray)]
    for threshold in [0.0, 0.3, 0.5]
]
# The order of BYOL and Barlow Twins: brightness, grayscale, blur, then solarise.
faint = F.rgb_to_grayscale(F.adjust_brightness(tensor(color), 1.6), num_output_channels=3)
solarized_last = hwc(F.solarize(F.gaussian_blur(faint, [5, 5], [1.3, 1.3]), 0.5))

golden = dict(
    images=images, operations=operations, blurs=blurs, resizes=resizes, solarized=solarized,
    solarized_last=solarized_last, plans=plans())
with open("augmentation.json", "w") as file:
    json.dump(golden, file, separators=(",", ":"))
