"""SimCLR images per second: `murmur train` and PyTorch's DDP over Gloo in turns, 2 workers with one thread each.

Same encoder (ResNet-18, CIFAR form), projector, batch of 128 and libtorch. Ours decodes and augments CIFAR-10 while it
trains and synchronises batch norm; PyTorch's side gets finished views and keeps batch norm local.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS, STEPS = int(os.environ.get("ROUNDS", 3)), int(os.environ.get("STEPS", 8))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def ours(folder, index):
    out = Path(folder) / f"run{index}"
    command = [os.environ["MURMUR"], "train", "examples/cifar10/simclr.yaml", f"data={os.environ['CIFAR10_TRAIN']}"]
    command += ["epochs=null", f"steps={STEPS + 2}", "schedule.warmup_epochs=0", "checkpoint.every_epochs=0"]
    command += ["--workers", "2", "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    rates = [json.loads(line)["images_per_second"] for line in open(out / "log.jsonl")][2:]
    return statistics.median(rates)


def peer():
    command = [sys.executable, "scripts/bench_peers/ddp_simclr.py", "--workers", "2", "--threads", "1"]
    command += ["--global-batch", "128", "--steps", str(STEPS)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout
    return json.loads(output.splitlines()[-1])["images_per_second"]


def main():
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(ROUNDS):
            pairs.append((ours(folder, index), peer()))
            print(f"round {index + 1}: murmur {pairs[-1][0]:.1f}, PyTorch DDP + Gloo {pairs[-1][1]:.1f} images/s", flush=True)
    murmur, ddp = (statistics.median(side) for side in zip(*pairs))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"median: murmur {murmur:.1f}, PyTorch DDP + Gloo {ddp:.1f} images/s; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
