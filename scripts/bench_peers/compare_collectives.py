"""All-reduce (float32, sum): ours, Gloo, Open MPI and bare probes in turns; prints a table in markdown.

Within this host:
  host        shared memory: ours, Gloo, MPI and probes without a protocol: a bare reduce and copy, and one that
              enters, writes its sums into all buffers and leaves, as ours does
  tcp         loopback TCP: ours, Gloo, MPI and a probe, which carries a ring's bytes, and one that adds them too
  order-free  sums in any order of the ranks beside plain ones, shared memory
  compress    what each compression costs where the line is free, loopback TCP
Between network namespaces, as root:
  network     hosts on a switch: ours by algorithm and without encryption, and Gloo, as a share of the line's rate
  slow-link   four hosts with a line for each pair, one line slow: the ring as they come, and by measured links
  step        the gradient of a ResNet-18 between two hosts, with each compression

Figures are milliseconds between a barrier and the return of the call, the mean over the ranks (one rank alone may find
all that it waits for there): the best minimum and the median of the rounds' medians. Ratios are the median of the
rounds' ratios; a round runs each side once. ROUNDS (3) is how many, SECONDS_EACH (2) the time for each size and program
in a round, MURMUR our program. Many short rounds are steadier than few long ones where the machine's speed changes from second to second.
"""

import argparse
import os
import sys
import tempfile
from typing import NamedTuple

import compare_networks
from contenders import (
    MURMUR,
    ROUNDS,
    SECONDS_EACH,
    BenchError,
    Contenders,
    end_on_signals,
    name_size,
    parse_size,
    print_table,
    run,
    short,
    take_turns,
)
from namespaces import NotAllowed, bits_per_second

KIB, MIB = 1 << 10, 1 << 20
COMPRESSIONS = ["none", "float16", "bfloat16", "int8", "topk:0.01", "powersgd:4", "order-free"]


class Target(NamedTuple):
    """A bound on the ratio of two sides for sizes from `least` to `most` bytes."""

    above: str
    below: str
    sign: str
    bound: float
    least: int = 0
    most: int = 1 << 40

    def failure(self, figures, size):
        """What is wrong at a size, or nothing."""
        if not self.least <= size <= self.most:
            return None
        ratio = ratio_of(figures, self.above, self.below, size)
        holds = ratio >= self.bound if self.sign == "≥" else ratio <= self.bound
        return None if holds else f"{self.above}/{self.below} {ratio:.2f}, not {self.sign} {self.bound}"


class Contest(NamedTuple):
    """What one table compares."""

    title: str
    sizes: list
    sides: callable
    ratios: list
    targets: list


CONTESTS = {
    "host": Contest(
        "shared memory within a host",
        [4 * KIB, 64 * KIB, 256 * KIB, MIB, 16 * MIB, 100 * MIB],
        lambda programs: {
            "ours": programs.ours("--transport", "shm"),
            "Gloo": programs.gloo(),
            "MPI": programs.mpi_shm(),
            "probe": programs.probe("shm_probe"),
            "probe that writes": programs.probe("shm_probe", "writes"),
        },
        [("Gloo", "ours"), ("MPI", "ours"), ("ours", "probe"), ("ours", "probe that writes")],
        [
            Target("Gloo", "ours", "≥", 4, MIB),
            Target("MPI", "ours", "≥", 3, MIB),
            Target("Gloo", "ours", "≥", 4, 4 * KIB, 64 * KIB),
            # Of the two it is the one that moves what an all-reduce has to move.
            Target("ours", "probe that writes", "≤", 1.5),
        ],
    ),
    "tcp": Contest(
        "loopback TCP",
        [4 * KIB, 64 * KIB, MIB, 16 * MIB, 100 * MIB],
        lambda programs: {
            "ours": programs.ours("--transport", "tcp"),
            "Gloo": programs.gloo(),
            "MPI": programs.mpi_tcp(),
            "probe": programs.probe("tcp_probe"),
            "probe that sums": programs.probe("tcp_probe", "sums"),
        },
        [("Gloo", "ours"), ("ours", "MPI"), ("ours", "probe that sums"), ("Gloo", "probe that sums")],
        [
            Target("Gloo", "ours", "≥", 1.3, MIB),
            Target("Gloo", "ours", "≥", 1.0, 0, MIB - 1),
            Target("ours", "MPI", "≤", 2, 0, MIB - 1),
        ],
    ),
    "order-free": Contest(
        "sums free of order beside plain ones, shared memory",
        [16 * MIB],
        lambda programs: {
            "order-free": programs.ours("--transport", "shm", "--compress", "order-free"),
            "plain": programs.ours("--transport", "shm"),
        },
        [("order-free", "plain")],
        [Target("order-free", "plain", "≤", 1.15)],
    ),
}


def ratio_of(figures, above, below, size):
    return figures[above][size].ratio(figures[below][size])


def measure(programs, sides, workers, sizes):
    """Each side's figures; a side is a command for (workers, sizes)."""
    runs = {
        name: lambda name=name, command=command: run(name, command(workers, sizes), sizes)
        for name, command in sides.items()
    }
    return take_turns(runs, sizes, f"{workers} workers")


def cell(figure):
    return f"{short(figure.minimum)} / {short(figure.median)}"


def compare_contest(contest, programs, options):
    sizes, sides = options.sizes or contest.sizes, contest.sides(programs)
    lines = []
    for workers in options.workers:
        figures = measure(programs, sides, workers, sizes)
        for size in sizes:
            failures = [target.failure(figures, size) for target in contest.targets]
            lines.append(
                [str(workers), name_size(size)]
                + [cell(figures[name][size]) for name in sides]
                + [f"{ratio_of(figures, above, below, size):.2f}" for above, below in contest.ratios]
                + ["; ".join(filter(None, failures)) or "yes"]
            )
    print(f"All-reduce, {contest.title}: ms, min / median\n")
    header = ["workers", "size", *sides, *(f"{above}/{below}" for above, below in contest.ratios)]
    print_table([*header, "target holds"], lines)


def compare_compressions(programs, options):
    sizes, lines = options.sizes or [16 * MIB], []
    sides = {name: programs.ours("--transport", "tcp", "--compress", name) for name in options.compress}
    for workers in options.workers:
        figures = measure(programs, sides, workers, sizes)
        for size in sizes:
            for name in sides:
                ratio = ratio_of(figures, name, options.compress[0], size)
                lines.append([str(workers), name_size(size), name, cell(figures[name][size]), f"{ratio:.2f}"])
    print("All-reduce with compression, loopback TCP: ms\n")
    print_table(["workers", "size", "compression", "min / median", f"of {options.compress[0]}"], lines)


NETWORKS = {
    "network": compare_networks.compare_algorithms,
    "slow-link": compare_networks.compare_rings,
    "step": compare_networks.compare_steps,
}


def words_of(text):
    return text.split(",")


def counts_of(text):
    counts = [int(word) if word.isdecimal() else 0 for word in text.split(",")]
    if not all(1 <= count <= 250 for count in counts):
        raise argparse.ArgumentTypeError(f"whole numbers from 1 to 250 with commas, not '{text}'")
    return counts


def sizes_of(text):
    try:
        return [parse_size(word) for word in text.split(",")]
    except BenchError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench collectives", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    suites = [*CONTESTS, "compress", *NETWORKS]
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="what to run (default: host tcp order-free)")
    parser.add_argument("--sizes", type=sizes_of, help="such as 4KiB,16MiB, instead of the suite's")
    parser.add_argument("--workers", type=counts_of, default=[2, 4], help="within this host (default 2,4)")
    parser.add_argument("--compress", type=words_of, default=COMPRESSIONS, help="which, for compress and step")
    parser.add_argument("--hosts", type=counts_of, default=[2, 3, 4], help="for network (default 2,3,4)")
    parser.add_argument("--per-host", type=counts_of, default=[1, 2], help="workers on each (default 1,2)")
    parser.add_argument("--rates", type=words_of, default=["1gbit", "100mbit"], help="of the lines")
    parser.add_argument(
        "--algorithms", type=words_of, default=["ring", "hierarchical", "auto"], help="ours, for network"
    )
    options = parser.parse_args()
    options.suites = options.suites or ["host", "tcp", "order-free"]
    for suite in options.suites:
        if suite not in suites:
            parser.error(f"no suite '{suite}': {', '.join(suites)}")
    if min(options.hosts) < 2:
        parser.error("--hosts are at least 2")
    for rate in options.rates:
        bits_per_second(rate)
    if not os.access(MURMUR, os.X_OK):
        raise BenchError(f"{MURMUR} is missing: build first, or name it in MURMUR")
    return options


def warn_if_busy():
    load = os.getloadavg()[0]
    if load > 0.5:
        cores = os.cpu_count()
        print(f"collectives: a load of {load:.1f} on {cores} cores already; the figures will suffer", file=sys.stderr)


def main():
    options = parse()
    end_on_signals()
    warn_if_busy()
    print(f"{ROUNDS} rounds of {SECONDS_EACH:g} s for each size and program.\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="murmur-bench-") as folder:
        programs = Contenders(folder)
        for suite in options.suites:
            try:
                if suite in NETWORKS:
                    NETWORKS[suite](options)
                elif suite == "compress":
                    compare_compressions(programs, options)
                else:
                    compare_contest(CONTESTS[suite], programs, options)
            except NotAllowed as error:
                print(f"{suite}: skipped, {error}\n", flush=True)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"collectives: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
