"""SimCLR on CIFAR-10 by ours and by PyTorch with lightly: the same recipe, epochs and cores, then kNN by the same code.

Ours trains with two workers of one thread, lightly in one process with two threads and as many loader processes as suit it
best. Both have the same encoder, head, loss, augmentation (bilinear crops, as lightly's), optimiser and schedule; weights,
order and views are drawn by each itself. Both backbones are then torchvision's ResNet, and PyTorch embeds and classifies
with both alike.
Figures are kept in a folder, so that a bench that was broken off goes on with the side that is missing.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

import knn
import torch
import training
from contenders import HERE, MURMUR, BenchError, end_on_signals, print_table, progress
from images import count as count_images
from images import load
from kept import Kept

sys.path.insert(0, str(HERE.parent))
from pytorch_reference import read_safetensors, scaled_resnet

K = 200
WORKERS = 2
# Steps for each number of loader processes, when lightly's is chosen by trial.
TRIAL_STEPS = 20
LIGHTLY = Path("build/lightly").absolute()


def recipe_of(options):
    """What both sides train by."""
    each = count_images(options.data) // options.batch
    steps = options.steps or options.epochs * each
    if steps == 0:
        raise BenchError(f"{options.data} has fewer images than a batch of {options.batch}")
    return {
        "data": str(Path(options.data).absolute()), "steps": steps, "batch": options.batch, "width": options.width,
        "size": options.size, "hidden": options.hidden, "out": 128, "temperature": options.temperature,
        "lr": options.lr, "weight_decay": options.weight_decay, "warmup_steps": min(20, steps // 5),
        "crop_min": 0.2, "jitter": 0.5, "seed": options.seed,
        "mean": [0.4914, 0.4822, 0.4465], "std": [0.2470, 0.2435, 0.2616],
    }  # fmt: skip


def configuration_of(recipe):
    """Our YAML of a recipe (JSON is YAML)."""
    return {
        "method": "simclr", "data": recipe["data"], "steps": recipe["steps"], "global_batch": recipe["batch"],
        "slice_size": recipe["batch"] // (2 * WORKERS) or 1, "seed": recipe["seed"],
        "encoder": {"name": "resnet18", "form": "cifar", "width": recipe["width"]},
        "projector": {"hidden": recipe["hidden"], "out": recipe["out"]},
        "loss": {"temperature": recipe["temperature"]},
        "optimizer": {"name": "sgd", "lr": recipe["lr"], "momentum": 0.9, "weight_decay": recipe["weight_decay"]},
        "schedule": {"name": "cosine", "warmup_steps": recipe["warmup_steps"]},
        "augment": {
            "size": recipe["size"], "crop_min": recipe["crop_min"], "jitter": recipe["jitter"], "blur": 0,
            "resample": "bilinear", "mean": recipe["mean"], "std": recipe["std"],
        },
        "checkpoint": {"every_epochs": 0},
    }  # fmt: skip


def train_ours(recipe, options):
    """Our run's figures; its backbone is in ours/backbone.safetensors."""
    configuration, folder = options.out / "ours.yaml", options.out / "ours"
    configuration.write_text(json.dumps(configuration_of(recipe), indent=2) + "\n")
    report, _, _ = training.train(configuration, [], WORKERS, folder, options.limit)
    words = [MURMUR, "export", "--checkpoint", folder / "run", "--out", folder / "backbone.safetensors"]
    training.run_command("export", words, folder, 60)
    return {key: report[key] for key in ("seconds", "images_per_second")} | {"loss": report["final_loss"]}


def train_lightly(recipe, options):
    """lightly's figures; its backbone is in lightly/backbone.pt."""
    loaders = options.loaders
    if loaders is None:
        # On few cores loader processes may hold up the threads that compute: the peer gets what suits it best.
        trial, rates = {**recipe, "steps": min(TRIAL_STEPS, recipe["steps"])}, {}
        for count in (0, 1, 2):
            rates[count] = run_lightly(trial, count, options)["images_per_second"]
            progress(f"PyTorch + lightly, {count} loader processes: {rates[count]:.0f} images/s")
        loaders = max(rates, key=rates.get)
    return {**run_lightly(recipe, loaders, options), "loaders": loaders}


def run_lightly(recipe, loaders, options):
    folder = options.out / "lightly"
    folder.mkdir(exist_ok=True)
    written = folder / "recipe.json"
    written.write_text(json.dumps(recipe, indent=2) + "\n")
    # Without the second word lightly asks its maker's server for a newer version.
    words = ["env", f"PYTHONPATH={LIGHTLY}", "LIGHTLY_DID_VERSION_CHECK=True"]
    words += [sys.executable, HERE / "lightly_simclr.py", written, "--threads", options.threads]
    words += ["--loaders", loaders, "--out", folder]
    output, _ = training.run_command("lightly", words, folder, options.limit, threads=options.threads)
    return json.loads(output.splitlines()[-1])


class Side(NamedTuple):
    """How one side trains, where under --out its backbone then is, and how that is read."""

    train: callable
    backbone: str
    read: callable


SIDES = {
    "murmur": Side(train_ours, "ours/backbone.safetensors", read_safetensors),
    "PyTorch + lightly": Side(train_lightly, "lightly/backbone.pt", torch.load),
}


def classify(recipe, options):
    """Percent right by side, and of torchvision's untrained weights."""
    torch.set_num_threads(WORKERS)
    torch.manual_seed(recipe["seed"])
    images = {"bank": load(options.data), "queries": load(options.test)}
    encoder, results = scaled_resnet(18, recipe["width"], cifar=True), {}
    for name in ("untrained", *SIDES):
        if name in SIDES:
            encoder.load_state_dict(SIDES[name].read(options.out / SIDES[name].backbone), strict=True)
        progress(f"kNN: {name}")
        features = {
            part: knn.embed(encoder, pixels, recipe["size"], recipe["mean"], recipe["std"])
            for part, (pixels, _) in images.items()
        }
        (_, bank), (_, queries) = images["bank"], images["queries"]
        results[name] = knn.percent_right(features["bank"], bank, features["queries"], queries, K)
    return results


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench lightly", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    train_data, test_data = training.data_from_environment()
    parser.add_argument("--epochs", type=int, default=6, help="default 6")
    parser.add_argument("--steps", type=int, help="instead of epochs, for a trial")
    parser.add_argument("--batch", type=int, default=256, help="images a step (default 256)")
    parser.add_argument("--width", type=float, default=0.25, help="of the ResNet-18 (default 0.25)")
    parser.add_argument("--size", type=int, default=32, help="pixels of a view (default 32)")
    parser.add_argument("--hidden", type=int, default=512, help="width of the projector (default 512)")
    parser.add_argument("--lr", type=float, default=0.06, help="of SGD with momentum 0.9 (default 0.06)")
    parser.add_argument("--weight-decay", type=float, default=5e-4, help="default 5e-4")
    parser.add_argument("--temperature", type=float, default=0.2, help="default 0.2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="lightly's threads (default 2)")
    parser.add_argument("--loaders", type=int, help="lightly's loader processes (default: the best of 0, 1, 2)")
    parser.add_argument("--data", default=train_data, help=f"training images, one folder a class (default {train_data})")
    parser.add_argument("--test", default=test_data, help=f"test images (default {test_data})")
    parser.add_argument("--out", type=Path, default=Path("runs/lightly"), help="where runs and figures are kept")
    parser.add_argument("--fresh", action="store_true", help="train again what has figures already")
    parser.add_argument("--limit", type=float, default=14400, help="seconds that a side may train")
    options = parser.parse_args()
    for path in (options.data, options.test):
        if not Path(path).exists():
            parser.error(f"{path} is missing; name the images with --data and --test")
    if min(options.epochs, options.batch - 1, options.size, options.threads, options.steps or 1) < 1:
        parser.error("--epochs, --steps, --size and --threads are at least 1, --batch at least 2")
    return options


def main():
    options = parse()
    end_on_signals()
    kept, recipe = Kept(options.out), recipe_of(options)
    figures = {}
    for name, side in SIDES.items():
        settings = {"recipe": recipe}
        if side.train is train_lightly:
            settings |= {"threads": options.threads, "loaders": options.loaders}
        is_there = (options.out / side.backbone).exists() and not options.fresh
        figures[name] = kept.find(name, settings) if is_there else None
        if figures[name] is None:
            progress(f"{name} trains for {recipe['steps']} steps")
            kept.forget(name)
            figures[name] = kept.keep(name, settings, side.train(recipe, options))
    right = classify(recipe, options)
    # What our own evaluation says of our run: the two shall agree.
    own, _ = training.knn(options.out / "ours", options.data, options.test, K, options.limit)
    print(f"SimCLR, ResNet-18 of width {recipe['width']:g}, {recipe['size']} pixels, batch {recipe['batch']}, "
          f"{recipe['steps']} steps; {figures['murmur']['date']}, {figures['murmur']['machine']}\n")  # fmt: skip
    rows = [
        [name, f"{side['seconds']:.0f}", f"{side['images_per_second']:.0f}", f"{side['loss']:.3f}", f"{right[name]:.2f}"]
        for name, side in figures.items()
    ]
    print_table(["", "training, s", "images/s", "last loss", f"kNN, k = {K}, %"], rows)
    ours, peer = (figures[name] for name in SIDES)
    waits = f"lightly waits {peer['waiting']:.0f} s for views, {peer['loaders']} loader processes"
    print(f"time: lightly/murmur {peer['seconds'] / ours['seconds']:.2f} ({waits}); kNN: murmur − lightly "
          f"{right['murmur'] - right['PyTorch + lightly']:+.2f} points; untrained {right['untrained']:.2f} %; "
          f"`murmur eval knn` of ours {own:.2f} %")  # fmt: skip


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"lightly: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
