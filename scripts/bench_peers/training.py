"""A run of ours that trains and is then classified by kNN, with what both said kept beside it."""

import json
import os
import shutil
from pathlib import Path

from contenders import MURMUR, Children


def run_command(name, words, folder, limit, threads=None):
    """Runs a command; what it prints goes to `folder`/name.out and .err, whether it ends well or not.

    Returns (output, errors); throws BenchError for a failure or after `limit` seconds.
    """
    environment = ["env", f"OMP_NUM_THREADS={threads}"] if threads else []
    with Children() as children:
        try:
            children.start(name, [*environment, *map(str, words)])
            children.wait(limit)
        finally:
            for kind in ("out", "err"):
                if children.path(f"{name}.{kind}").exists():
                    shutil.copy(children.path(f"{name}.{kind}"), Path(folder) / f"{name}.{kind}")
        return children.output(name), children.errors(name)


def train(configuration, settings, workers, folder, limit):
    """A run in `folder`/run, begun anew: its report, its log's records, and whether features collapsed."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [MURMUR, "train", configuration, *settings, "--workers", workers, "--out", folder / "run"]
    said = run_command("train", command, folder, limit, threads=1)
    with open(folder / "run" / "log.jsonl") as lines:
        records = [json.loads(line) for line in lines]
    report = json.loads((folder / "run" / "report.json").read_text())
    return report, records, any("features collapse" in text for text in said)


def knn(folder, train_data, test_data, k, limit):
    """Percent right of the trained and of the untrained encoder of the run in `folder`/run."""
    command = [MURMUR, "eval", "knn", "--checkpoint", Path(folder) / "run", "--train", train_data, "--test", test_data]
    output, _ = run_command("knn", [*command, "--k", k, "--json"], folder, limit)
    report = json.loads(output)
    right = {row["features"]: 100 * row["top1"][report["k"].index(k)] for row in report["rows"]}
    return right["trained encoder"], right["untrained encoder"]


def data_from_environment():
    """The tar files of CIFAR-10's training and test images."""
    return os.environ["CIFAR10_TRAIN"], os.environ["CIFAR10_TEST"]
