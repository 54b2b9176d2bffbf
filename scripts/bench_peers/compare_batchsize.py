"""Accuracy over the size of the batch: the quick preset of SimCLR for the same epochs at several global batches.

Learning rates grow with the batch by each of the rules; the warm-up is the same number of images. Figures are kept in a
folder, so that a bench that was broken off goes on; --write puts table and plot into docs/large-batch.md.
"""

import argparse
import hashlib
import math
import sys
from pathlib import Path

from compare_methods import write
from contenders import BenchError, end_on_signals, progress, table
from kept import Kept
from training import data_from_environment, knn, train

K = 200
PRESET = Path("examples/quick/simclr.yaml")
PAGE, PLOT = Path("docs/large-batch.md"), Path("docs/batch-size.svg")
RULES = {"linear": "#b3261e", "sqrt": "#1a5fb4"}
# The preset's rate and warm-up, as its batch of 128 has them.
SETTINGS = ["optimizer.lr_batch=128", "schedule.warmup_images=6400"]


def measure(batch, rule, options):
    folder = options.out / f"{rule}-{batch}"
    settings = [f"data={options.data}", f"global_batch={batch}", f"optimizer.lr_rule={rule}", f"epochs={options.epochs}"]
    report, _, collapsed = train(PRESET, [*settings, *SETTINGS], 2, folder, options.limit)
    trained, untrained = knn(folder, options.data, options.test, K, options.limit)
    return {
        "seconds": report["seconds"], "steps": report["steps"], "loss": report["final_loss"], "knn": trained,
        "untrained": untrained, "collapsed": collapsed,
    }  # fmt: skip


def svg(results, untrained):
    """Percent right over the batch, a line for each rule."""
    left, top, width, height = 60, 20, 520, 280
    batches = sorted({batch for _, batch in results})
    right = [figures["knn"] for figures in results.values()] + [untrained]
    low, high = math.floor(min(right) / 5) * 5, math.ceil(max(right) / 5) * 5

    def x(batch):
        spread = math.log2(batches[-1] / batches[0]) or 1
        return left + math.log2(batch / batches[0]) / spread * width

    def y(value):
        return top + (1 - (value - low) / (high - low)) * height

    lines = []
    for value in range(low, high + 1, 5):
        lines.append(f'<path d="M{left} {y(value):.1f}h{width}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for batch in batches:
        lines.append(f'<text x="{x(batch):.1f}" y="{top + height + 18}" text-anchor="middle">{batch}</text>')
    lines.append(f'<text x="{left + width / 2}" y="{top + height + 38}" text-anchor="middle">global batch</text>')
    lines.append(f'<path d="M{left} {y(untrained):.1f}h{width}" stroke="#777" stroke-dasharray="4 4"/>')
    for index, (rule, color) in enumerate(RULES.items()):
        points = [(x(batch), y(results[rule, batch]["knn"])) for batch in batches if (rule, batch) in results]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        lines += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color}"/>' for a, b in points]
        row = top + height + 60 + 18 * index
        lines.append(f'<path d="M{left} {row - 4}h24" stroke="{color}" stroke-width="2"/>')
        lines.append(f'<text x="{left + 32}" y="{row}">kNN, %, optimizer.lr_rule={rule} (dashed: untrained)</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 400" font-family="sans-serif" font-size="12">\n'
        '<rect width="620" height="400" fill="#fff"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench batchsize", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    train_data, test_data = data_from_environment()
    parser.add_argument("--batches", type=lambda text: [int(word) for word in text.split(",")], default=[128, 512, 2048])
    parser.add_argument("--epochs", type=int, default=4, help="of each run (default 4)")
    parser.add_argument("--data", default=train_data, help=f"training images (default {train_data})")
    parser.add_argument("--test", default=test_data, help=f"test images (default {test_data})")
    parser.add_argument("--out", type=Path, default=Path("runs/batchsize"), help="where runs and figures are kept")
    parser.add_argument("--write", action="store_true", help=f"put table and plot into {PAGE} and {PLOT}")
    parser.add_argument("--limit", type=float, default=7200, help="seconds that a run or an evaluation may take")
    return parser.parse_args()


def main():
    options = parse()
    end_on_signals()
    kept, results = Kept(options.out), {}
    for rule in RULES:
        for batch in options.batches:
            name = f"{rule}-{batch}"
            settings = {
                "preset": hashlib.sha256(PRESET.read_bytes()).hexdigest(), "epochs": options.epochs, "more": SETTINGS,
                "data": [Path(path).name for path in (options.data, options.test)],
            }  # fmt: skip
            figures = kept.find(name, settings)
            if figures is None:
                progress(f"batch {batch}, lr_rule={rule}")
                figures = kept.keep(name, settings, measure(batch, rule, options))
            results[rule, batch] = figures
    untrained = next(iter(results.values()))["untrained"]
    rows = [
        [rule, f"{batch}", f"{figures['steps']}", f"{figures['seconds']:.0f}", f"{figures['loss']:.3f}",
         f"{figures['knn']:.2f}", "warned" if figures["collapsed"] else "no"]
        for (rule, batch), figures in results.items()
    ]  # fmt: skip
    text = table(["lr_rule", "global batch", "steps", "training, s", "last loss", f"kNN, k = {K}, %", "collapse"], rows)
    last = list(results.values())[-1]
    words = f"`scripts/bench batchsize --epochs {options.epochs}`, {last['date']}, {last['machine']}; 2 workers"
    text += f"\n\n{words}; untrained {untrained:.2f} %. The last losses of other batches have other numbers of negatives."
    print(text, flush=True)
    if options.write:
        PLOT.write_text(svg(results, untrained))
        write(PAGE, text)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"batchsize: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
