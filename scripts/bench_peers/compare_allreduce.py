"""All-reduce of float32 over loopback TCP: `murmur bench allreduce` and Gloo in turns, per size and number of workers."""

import json
import os
import statistics
import subprocess
import sys

ROUNDS = int(os.environ.get("ROUNDS", 3))
SIZES = {"4KiB": 1 << 12, "64KiB": 1 << 16, "1MiB": 1 << 20, "16MiB": 1 << 24, "100MiB": 100 << 20}
REPETITIONS = {"4KiB": 200, "64KiB": 200, "1MiB": 60, "16MiB": 20, "100MiB": 8}


def ours(workers, size):
    command = [os.environ["MURMUR"], "bench", "allreduce", "--workers", str(workers), "--bytes", size]
    command += ["--repetitions", str(REPETITIONS[size]), "--transport", "tcp", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]


def gloo(workers, size):
    command = [sys.executable, "scripts/bench_peers/gloo_allreduce.py", "--processes", str(workers)]
    command += ["--bytes", str(SIZES[size]), "--seconds", "3"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def main():
    print("workers     size   murmur ms (min / median)      Gloo ms (min / median)   ratio of medians, Gloo / murmur")
    for workers in (2, 4):
        for size in SIZES:
            rounds = [(ours(workers, size), gloo(workers, size)) for _ in range(ROUNDS)]
            figures = []
            for side in (0, 1):
                figures.append(min(r[side]["min_ms"] for r in rounds))
                figures.append(statistics.median(r[side]["median_ms"] for r in rounds))
            ratio = statistics.median(b["median_ms"] / a["median_ms"] for a, b in rounds)
            print(
                f"{workers:7} {size:>8} {figures[0]:12.3f} / {figures[1]:9.3f} {figures[2]:14.3f} / {figures[3]:9.3f}"
                f" {ratio:12.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
