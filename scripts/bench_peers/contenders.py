"""Programs that time a collective: how each is started, awaited and ended, and what it measured."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
MURMUR = str(Path(os.environ.get("MURMUR", ".build/release/murmur")).absolute())
UNITS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}


class BenchError(Exception):
    """What went wrong, in one line."""


def count_from_environment(name, standard):
    text = os.environ.get(name, str(standard))
    if not text.isdecimal() or int(text) < 1:
        sys.exit(f"collectives: {name} is a whole number from 1 on, not '{text}'")
    return int(text)


def seconds_from_environment(name, standard):
    text = os.environ.get(name, str(standard))
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0.01 <= float(text) <= 3600:
        sys.exit(f"collectives: {name} is a time in seconds such as 0.5, from 0.01 to 3600, not '{text}'")
    return float(text)


ROUNDS = count_from_environment("ROUNDS", 3)
# For each size and program, in each round. (bash keeps the name SECONDS for itself.)
SECONDS_EACH = seconds_from_environment("SECONDS_EACH", 2)


def end_on_signals():
    """An ended bench ends its children and removes its hosts on the way out."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def parse_size(word):
    for unit, factor in UNITS.items():
        if word.endswith(unit) and word[: -len(unit)].isdigit():
            return int(word[: -len(unit)]) * factor
    raise BenchError(f"sizes are written like 4KiB or 16MiB, not '{word}'")


def name_size(size):
    unit = next(unit for unit, factor in UNITS.items() if size % factor == 0)
    return f"{size // UNITS[unit]} {unit}"


class Children:
    """Processes that end when the block does, each with its own process group and its output in a file."""

    def __init__(self):
        self.processes = {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="murmur-bench-")
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.folder.cleanup()

    def path(self, name):
        return Path(self.folder.name) / name

    def start(self, name, command):
        with open(self.path(f"{name}.out"), "w") as output, open(self.path(f"{name}.err"), "w") as errors:
            try:
                self.processes[name] = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
                )
            except OSError as error:
                raise BenchError(f"{name}: {command[0]} does not start: {error.strerror}") from None

    def check(self):
        """Whether all have ended; throws for the first that failed."""
        for name, process in self.processes.items():
            if process.poll() not in (None, 0):
                lines = self.errors(name).splitlines() or ["(it said nothing)"]
                raise BenchError(f"{name} ended with {process.returncode}: {self.telling(lines)}")
        return all(process.returncode == 0 for process in self.processes.values())

    @staticmethod
    def telling(lines):
        """The line of a program's complaint that says most: mpirun frames its own, a traceback ends with it."""
        words = [line.strip() for line in lines if line.strip() and not line.startswith(("---", "==="))]
        named = [line for line in words if "rror" in line or line.startswith(("murmur", "mpi_", "shm_", "tcp_", "usage"))]
        return (named or words or ["(it said nothing)"])[-1]

    def wait(self, limit):
        deadline = time.monotonic() + limit
        while not self.check():
            if time.monotonic() > deadline:
                late = [name for name, process in self.processes.items() if process.poll() is None]
                raise BenchError(f"{', '.join(late)} took longer than {limit:.0f} s")
            time.sleep(0.02)

    def wait_for_file(self, path, limit=30):
        deadline = time.monotonic() + limit
        while not (path.exists() and path.stat().st_size > 0):
            self.check()
            if time.monotonic() > deadline:
                raise BenchError(f"no {path.name} within {limit} s")
            time.sleep(0.02)

    def output(self, name):
        return self.path(f"{name}.out").read_text()

    def errors(self, name):
        return self.path(f"{name}.err").read_text(errors="replace")


def rows(text, sizes, name):
    """{bytes: (min_ms, median_ms)} of a program's JSON: one array, or an object a line."""
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
        else:
            found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        figures = {row["bytes"]: (row["min_ms"], row["median_ms"]) for row in found}
    except (ValueError, KeyError) as error:
        raise BenchError(f"{name} printed no rows of figures: {error!r}") from None
    missing = [name_size(size) for size in sizes if size not in figures]
    if missing:
        raise BenchError(f"{name} printed no figures for {', '.join(missing)}")
    return figures


def joined(sizes):
    return ",".join(map(str, sizes))


class Contenders:
    """Commands by name, each for (workers, sizes); C programs are compiled into `folder`."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def compile(self, compiler, name):
        program = self.folder / name
        if not program.exists():
            command = [compiler, "-O3", "-march=native", "-pthread", str(HERE / f"{name}.c"), "-o", str(program)]
            with Children() as children:
                children.start(compiler, command)
                children.wait(60)
        return str(program)

    def ours(self, *options):
        def command(workers, sizes):
            words = [MURMUR, "bench", "allreduce", "--workers", str(workers), "--bytes", joined(sizes)]
            return [*words, "--seconds", str(SECONDS_EACH), *options, "--json"]

        return command

    def gloo(self):
        def command(workers, sizes):
            words = [sys.executable, str(HERE / "gloo_allreduce.py"), "--processes", str(workers)]
            return [*words, "--bytes", joined(sizes), "--seconds", str(SECONDS_EACH)]

        return command

    def mpi(self, *transport):
        program = self.compile("mpicc", "mpi_allreduce")

        def command(workers, sizes):
            words = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-np", str(workers)]
            return [*words, *transport, program, joined(sizes), str(SECONDS_EACH)]

        return command

    def mpi_shm(self):
        return self.mpi("--mca", "btl", "vader,self")

    def mpi_tcp(self):
        return self.mpi("--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "lo")

    def probe(self, name, *words):
        program = self.compile("cc", name)
        return lambda workers, sizes: [program, str(workers), joined(sizes), str(SECONDS_EACH), *words]


def run(name, command, sizes):
    with Children() as children:
        children.start(name, command)
        children.wait(60 + len(sizes) * (20 + 5 * SECONDS_EACH))
        return rows(children.output(name), sizes, name)


class Figure(NamedTuple):
    """Milliseconds that a side takes for one size."""

    minimum: float
    # Of each round.
    medians: list

    @property
    def median(self):
        return statistics.median(self.medians)

    def ratio(self, other):
        """The median of the rounds' ratios to another side: what changed the machine's speed changed both of a round."""
        return statistics.median(own / its for own, its in zip(self.medians, other.medians))


def take_turns(sides, sizes, what):
    """Runs the sides (functions that return `rows`) one at a time, each round beginning with the next of them.

    Returns {name: {bytes: Figure}}.
    """
    results = {name: [] for name in sides}
    names = list(sides)
    for index in range(ROUNDS):
        shift = index % len(names)
        for name in names[shift:] + names[:shift]:
            progress(f"{what}, round {index + 1} of {ROUNDS}: {name}")
            results[name].append(sides[name]())
    return {
        name: {
            size: Figure(min(r[size][0] for r in rounds), [r[size][1] for r in rounds])
            for size in sizes
        }
        for name, rounds in results.items()
    }


def progress(text):
    print(text, file=sys.stderr, flush=True)


def short(value):
    for limit, digits in ((100, 0), (10, 1), (1, 2), (0.1, 3)):
        if value >= limit:
            return f"{value:.{digits}f}"
    return f"{value:.4f}"


def table(header, lines):
    """A table in markdown."""
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def print_table(header, lines):
    print(table(header, lines) + "\n", flush=True)
