"""Large batches: what the loss takes by batch and workers, beside lightly's, and what whole steps take within a budget.

The loss is NT-Xent on random embeddings, forward and backward: ours over worker processes of one thread (`murmur bench
loss`), lightly's in one process with as many threads as there are cores. Memory is what comes on top of the embeddings.
Steps are SimCLR on CIFAR-10 with a ResNet-18 in its CIFAR form at 32 pixels, `batch_norm: slice`, two workers: a batch of
256 with all graphs kept, and large ones within `memory_budget`. Figures are kept in a folder, so that a bench that was
broken off goes on.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import training
from contenders import HERE, MURMUR, BenchError, end_on_signals, print_table, progress
from kept import Kept, machine

LIGHTLY = Path("build/lightly").absolute()
CORES = len(os.sched_getaffinity(0))
# Width, global batch, budget of a worker, steps; the first of a width is what its others are compared with.
STEPS = [(0.25, 256, None, 12), (0.25, 16384, "1400MiB", 2), (1, 256, None, 3), (1, 4096, "2300MiB", 1)]


def ours(images, workers, options):
    words = [MURMUR, "bench", "loss", "--images", images, "--workers", workers, "--dimension", options.dimension]
    words += ["--temperature", options.temperature, "--repetitions", repetitions(images), "--json"]
    output, _ = training.run_command("loss", words, options.out, options.limit, threads=1)
    row = json.loads(output)
    return {"forward": row["forward_seconds"], "backward": row["backward_seconds"], "memory": row["memory_bytes"]}


def lightly(images, _, options):
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if 4 * (2 * images) ** 2 > physical:
        # The similarities alone do not fit.
        return {"result": None}
    words = ["env", f"PYTHONPATH={LIGHTLY}", "LIGHTLY_DID_VERSION_CHECK=True", sys.executable, HERE / "lightly_ntxent.py"]
    words += [images, options.dimension, options.temperature, repetitions(images), CORES, physical * 9 // 10]
    output, _ = training.run_command("lightly", words, options.out, options.limit, threads=CORES)
    return {"result": json.loads(output.splitlines()[-1])}


def repetitions(images):
    return 5 if images <= 4096 else 2 if images <= 16384 else 1


def losses(kept, options):
    rows = []
    for images in options.images:
        contenders = [(f"murmur, {workers} worker{'s' if workers > 1 else ''}", ours, workers) for workers in options.workers]
        for name, measure, workers in [*contenders, (f"lightly, {CORES} threads", lightly, 0)]:
            key, settings = f"loss-{images}-{workers}", {"dimension": options.dimension, "temperature": options.temperature}
            figures = kept.find(key, settings)
            if figures is None:
                progress(f"NT-Xent of {images} images: {name}")
                figures = kept.keep(key, settings, measure(images, workers, options))
            figures = figures if workers else figures["result"]
            if figures is None:
                rows.append([f"{images}", name, "does not fit", "", "", ""])
                continue
            total = figures["forward"] + figures["backward"]
            pair = total / (2 * images) ** 2 * 1e9
            rows.append([
                f"{images}", name, f"{figures['forward']:.2f}", f"{figures['backward']:.2f}", f"{pair:.2f}",
                f"{figures['memory'] / 2**20:.0f}"])  # fmt: skip
    print_table(["images", "", "forward, s", "backward, s", "ns a pair", "memory, MiB"], rows)


def configuration(width, batch, steps, options):
    return {
        "method": "simclr", "data": str(Path(options.data).absolute()), "steps": steps, "global_batch": batch,
        "slice_size": 64, "batch_norm": "slice", "seed": 1,
        "encoder": {"name": "resnet18", "form": "cifar", "width": width}, "projector": {"hidden": 512, "out": 128},
        "loss": {"temperature": 0.2}, "optimizer": {"name": "sgd", "lr": 0.06},
        "augment": {"size": 32, "crop_min": 0.2, "blur": 0}, "checkpoint": {"every_epochs": 0},
        "progress": {"every": 1},
    }  # fmt: skip


def step(width, batch, budget, steps, options):
    """Milliseconds an image, of the steps after the first where there are others, and the largest worker's memory."""
    folder = options.out / f"width{width}-{batch}"
    file = options.out / "run.yaml"
    file.write_text(json.dumps(configuration(width, batch, steps, options)) + "\n")
    settings = [f"memory_budget={budget}"] if budget else []
    report, records, _ = training.train(file, settings, 2, folder, options.limit)
    rates = sorted(record["images_per_second"] for record in records[1:] or records)
    return {"milliseconds": 1000 / rates[len(rates) // 2], "memory": report["memory_mib"]}


def steps(kept, options):
    rows, base = [], {}
    for width, batch, budget, count in STEPS:
        key, settings = f"step-{width}-{batch}", {"budget": budget, "steps": count, "data": Path(options.data).name}
        figures = kept.find(key, settings)
        if figures is None:
            progress(f"steps of {batch} images, width {width:g}")
            figures = kept.keep(key, settings, step(width, batch, budget, count, options))
        base.setdefault(width, figures["milliseconds"])
        rows.append([
            f"{width:g}", f"{batch}", budget or "–", f"{figures['milliseconds']:.2f}",
            f"{figures['milliseconds'] / base[width]:.2f}", f"{figures['memory']}"])  # fmt: skip
    print_table(["width", "global batch", "memory_budget", "ms an image", "/ batch of 256", "memory of a worker, MiB"], rows)


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench largebatch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    train_data, _ = training.data_from_environment()

    def numbers(text):
        return [int(word) for word in text.split(",")]

    parser.add_argument("--images", type=numbers, default=[1024, 4096, 16384, 65536], help="batches of the loss")
    parser.add_argument("--workers", type=numbers, default=[1, 2, 4, 8], help="of the loss")
    parser.add_argument("--dimension", type=int, default=128, help="of the embeddings (default 128)")
    parser.add_argument("--temperature", type=float, default=0.1, help="default 0.1")
    parser.add_argument("--only", choices=["loss", "steps"], help="one of the two tables")
    parser.add_argument("--data", default=train_data, help=f"training images (default {train_data})")
    parser.add_argument("--out", type=Path, default=Path("runs/largebatch"), help="where figures are kept")
    parser.add_argument("--limit", type=float, default=7200, help="seconds that a measurement may take")
    return parser.parse_args()


def main():
    options = parse()
    end_on_signals()
    kept = Kept(options.out)
    if options.only != "steps":
        losses(kept, options)
    if options.only != "loss":
        steps(kept, options)
    print(machine())


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"largebatch: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
