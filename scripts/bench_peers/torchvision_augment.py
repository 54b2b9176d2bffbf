#!/usr/bin/env python3
"""torchvision's speed on SimCLR's two-view augmentation, one core: views/s at 32x32 and images/s at 224x224.

    torchvision_augment.py SMALL.tar LARGE.tar [--seconds 4] [--json]

SMALL.tar holds small images (CIFAR-10 as JPEG), LARGE.tar photographs. An image is decoded once (JPEG, from memory)
and made into two views: crop and resize (bicubic), flip, colour jitter, grayscale, blur, normalisation. Times are CPU
seconds of this one thread, so that other load on the machine shows little. Needs torch and torchvision.
"""
import argparse
import io
import json
import tarfile
import time

import torch
from PIL import Image
from torchvision import transforms


def augmentation(size):
    jitter = transforms.ColorJitter(0.8, 0.8, 0.8, 0.2)
    kernel = max(3, size // 10 | 1)
    return transforms.Compose([
        transforms.RandomResizedCrop(size, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([jitter], p=0.8),
        transforms.RandomGrayscale(p=0.2),
        transforms.RandomApply([transforms.GaussianBlur(kernel, (0.1, 2.0))], p=0.5),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])


def read(path, limit=2000):
    """The bytes of up to `limit` images, spread over the archive."""
    with tarfile.open(path) as archive:
        members = [m for m in archive if m.isfile() and m.name.lower().endswith((".jpg", ".jpeg", ".png"))]
        step = max(1, len(members) // limit)
        return [archive.extractfile(m).read() for m in members[::step]]


def images_per_second(path, size, seconds):
    files = read(path)
    transform = augmentation(size)
    torch.manual_seed(0)

    def run(data):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return transform(image), transform(image)

    for data in files[:20]:
        run(data)
    count = 0
    start = time.process_time()
    while time.process_time() - start < seconds:
        run(files[count % len(files)])
        count += 1
    return count / (time.process_time() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("small", metavar="SMALL.tar")
    parser.add_argument("large", metavar="LARGE.tar")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = {
        "views_per_second_32": 2 * images_per_second(arguments.small, 32, arguments.seconds),
        "images_per_second_224": images_per_second(arguments.large, 224, arguments.seconds),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"torchvision: {result['views_per_second_32']:.0f} views/s at 32x32, "
              f"{result['images_per_second_224']:.1f} images/s (two views) at 224x224")


if __name__ == "__main__":
    main()
