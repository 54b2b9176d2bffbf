"""What compressing gradients costs in quality: the same short run with each format, and what kNN makes of its encoder.

Two workers train examples/fashion-mnist.yaml (ResNet-18 of a quarter of its width) for --steps steps; `murmur eval knn`
then classifies the 10,000 test images by the 60,000 training images. Each seed is a run of its own; the table has the
mean over seeds, its distance to that of the first format, and the range.
"""

import argparse
import json
import statistics
import subprocess
import sys

from contenders import MURMUR, BenchError, Children, end_on_signals, print_table, progress

FORMATS = ["float64", "float32", "float16", "bfloat16", "int8", "topk:0.01", "powersgd:4"]
DATA = "/usr/share/datasets/fashion-mnist"


def run(options, gradients, seed):
    """kNN accuracy in percent, and the last loss."""
    with Children() as children:
        out = children.path("run")
        command = [MURMUR, "train", "examples/fashion-mnist.yaml", f"data={options.data}", "epochs=null"]
        command += [f"steps={options.steps}", f"seed={seed}", f"collectives.gradients={gradients}"]
        command += [*options.settings, "--workers", str(options.workers), "--out", str(out)]
        children.start("train", command)
        children.wait(options.limit)
        with open(out / "log.jsonl") as log:
            loss = json.loads(log.read().splitlines()[-1])["loss"]
        command = [MURMUR, "eval", "knn", "--checkpoint", str(out), "--data", options.data, "--k", str(options.k)]
        children.start("knn", [*command, "--json"])
        children.wait(options.limit)
        report = json.loads(children.output("knn"))
        trained = next(row for row in report["rows"] if row["features"] == "trained encoder")
        return 100 * trained["top1"][report["k"].index(options.k)], loss


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench compression", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = lambda text: text.split(",")
    parser.add_argument("--gradients", type=words, default=FORMATS, help=f"default {','.join(FORMATS)}")
    parser.add_argument("--steps", type=int, default=100, help="default 100, a minute or two")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each format, from seed 1 on")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", default=DATA, help=f"labelled, with two splits (default {DATA})")
    parser.add_argument("--k", type=int, default=200)
    parser.add_argument("--limit", type=float, default=1800, help="seconds that a run or its evaluation may take")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of the configuration")
    options = parser.parse_args()
    end_on_signals()
    figures = {}
    for seed in range(1, options.seeds + 1):
        for gradients in options.gradients:
            progress(f"seed {seed} of {options.seeds}: {gradients}")
            figures.setdefault(gradients, []).append(run(options, gradients, seed))
            progress("kNN {:.2f} %, last loss {:.4f}".format(*figures[gradients][-1]))
    means = {name: statistics.mean(accuracy for accuracy, _ in runs) for name, runs in figures.items()}
    first = means[options.gradients[0]]
    print(f"{options.steps} steps, {options.workers} workers, kNN with k = {options.k}\n")
    print_table(
        ["gradients", "kNN %", f"beside {options.gradients[0]}", "least to most", "last loss"],
        [
            [name, f"{means[name]:.2f}", f"{means[name] - first:+.2f}",
             f"{min(a for a, _ in runs):.2f} – {max(a for a, _ in runs):.2f}",
             f"{statistics.mean(loss for _, loss in runs):.4f}"]
            for name, runs in figures.items()
        ],
    )


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"compression: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
