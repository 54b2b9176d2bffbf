"""What `murmur plan` says of a run, and what the run then takes: memory of the largest worker and time of a step.

Six configurations, by method, batch, workers, width and kind of normalisation. Fails where memory is off by more than 15 %
or a step's time by more than 25 %.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import training
from contenders import MURMUR, BenchError, Children, end_on_signals, print_table, progress

# Preset, workers, settings, steps.
CASES = [
    ("simclr", 2, [], 60),
    ("byol", 2, ["global_batch=256"], 40),
    ("mocov2", 1, ["global_batch=512", "encoder.width=0.25"], 16),
    ("barlowtwins", 2, ["augment.size=32", "batch_norm=slice"], 40),
    ("simclr", 2, ["global_batch=4096", "batch_norm=slice", "memory_budget=400MiB", "encoder.width=0.25"], 5),
    ("swav", 2, ["global_batch=512", "optimizer.name=lars"], 24),
]
COMMON = ["schedule.warmup_steps=0", "checkpoint.every_epochs=0"]
MEMORY, TIME = 0.15, 0.25


def planned(preset, workers, settings, options):
    # The exit code says whether it fits; here only the figures count.
    words = [MURMUR, "plan", preset, *settings, "--workers", str(workers), "--memory", "1TiB", "--json"]
    with Children() as children:
        children.start("plan", words)
        children.wait(options.limit)
        return json.loads(children.output("plan"))


def taken(preset, workers, settings, steps, options):
    report, records, _ = training.train(preset, [*settings, f"steps={steps}"], workers, options.out, options.limit)
    batch = next((int(word.split("=")[1]) for word in settings if word.startswith("global_batch=")), 128)
    # Not the first one, which warms up, nor the last ones, for which nothing is loaded any more.
    measured = records[1:-3] if steps > 5 else records[1:]
    seconds = sorted(batch / record["images_per_second"] for record in measured)
    return seconds[len(seconds) // 2], report["memory_mib"]


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    train_data, _ = training.data_from_environment()
    parser.add_argument("--data", default=train_data, help=f"training images (default {train_data})")
    parser.add_argument("--out", type=Path, default=Path("runs/plan"), help="where the runs are")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that a plan or a run may take")
    parser.add_argument("--cases", type=lambda text: [int(word) for word in text.split(",")], help="numbers, from 1")
    options = parser.parse_args()
    end_on_signals()
    rows, failures = [], []
    for number, (method, workers, settings, steps) in enumerate(CASES, 1):
        if options.cases and number not in options.cases:
            continue
        preset, settings = Path("examples/quick") / f"{method}.yaml", [f"data={options.data}", *COMMON, *settings]
        name = " ".join([method, *settings[1 + len(COMMON) :]])
        progress(f"{number} of {len(CASES)}: {name}")
        plan = planned(preset, workers, settings, options)
        seconds, memory = taken(preset, workers, settings, steps, options)
        shutil.rmtree(options.out)
        ratios = plan["memory_bytes"] / 2**20 / memory, plan["step_seconds"] / seconds
        rows.append([
            name, f"{workers}", f"{plan['memory_bytes'] / 2**20:.0f}", f"{memory}", f"{ratios[0]:.2f}",
            f"{plan['step_seconds']:.3f}", f"{seconds:.3f}", f"{ratios[1]:.2f}"])  # fmt: skip
        if abs(ratios[0] - 1) > MEMORY or abs(ratios[1] - 1) > TIME:
            failures.append(name)
    header = ["configuration", "workers", "memory, MiB: planned", "taken", "ratio", "step, s: planned", "taken", "ratio"]
    print_table(header, rows)
    if failures:
        raise BenchError(f"off by more than {MEMORY:.0%} of memory or {TIME:.0%} of time: {'; '.join(failures)}")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"plan: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
