"""Decoding and SimCLR's two views: `murmur bench augment` and torchvision, one core each, in turns."""

import json
import os
import statistics
import subprocess
import sys

ROUNDS = int(os.environ.get("ROUNDS", 3))


def ours(data, size):
    command = [os.environ["MURMUR"], "bench", "augment", "--data", data, "--size", str(size)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0])


def main():
    small, large = os.environ["CIFAR10_TRAIN"], os.environ["PHOTOS"]
    rows = []
    for _ in range(ROUNDS):
        command = [sys.executable, "scripts/bench_peers/torchvision_augment.py", small, large, "--json"]
        peer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append((2 * ours(small, 32), peer["views_per_second_32"], ours(large, 224), peer["images_per_second_224"]))
    a, b, c, d = (statistics.median(column) for column in zip(*rows))
    print(f"views/s at 32x32: murmur {a:.0f}, torchvision {b:.0f}; ratio {a / b:.1f}")
    print(f"photographs/s to two 224x224 views: murmur {c:.1f}, torchvision {d:.1f}; ratio {c / d:.1f}")


if __name__ == "__main__":
    main()
