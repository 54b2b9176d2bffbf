"""A training step between two hosts on a slow line: as what gradients travel, with overlap and without.

Two workers in two network namespaces (root), each with one thread and one core for itself on a machine of two, train
ResNet-18 in CIFAR form (11 million parameters) on CIFAR-10. For each rate and format, in turns: the same run on this host
alone, over shared memory, which is what a step computes, and with each overlap. Medians of the steps after the first two,
and of the rounds:

  computing  seconds of a step on this host alone, without its communication

  step       seconds from one step's end to the next's
  communication, hidden   communication_seconds and hidden_share of log.jsonl
  sent       bytes that leave the first host's interface in a step, all of them: gradients, statistics, headers
  busy       how much of the time this machine's cores worked in those steps, the simulated network's work included:
             near 100 % neither a better order nor a quicker line can shorten the step here
  bound      step / max(computing, communication), where communication is that without overlap: 1 is all that overlap
             can reach; the median of the rounds' ratios, as what is compared then meets the same state of the machine

Between hosts everything is encrypted unless --plain-data is given; here that takes the cores that computing needs.
ROUNDS (1) is how many runs there are of each; MURMUR is our program.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from contenders import MURMUR, BenchError, Children, end_on_signals, print_table, progress, short
from namespaces import Hosts, NotAllowed, bits_per_second

FORMATS = ["float64", "float32", "bfloat16", "int8", "topk:0.01", "powersgd:4"]
ROUNDS = int(os.environ.get("ROUNDS", 1))
WARM_UP = 2
ALONE = "alone"


class Steps(NamedTuple):
    """Medians over the steps of one run; bytes a step and the cores' busy share where they were counted."""

    seconds: float
    communication: float
    hidden: float
    sent: float
    busy: float

    @staticmethod
    def median(runs):
        return Steps(*(statistics.median(column) for column in zip(*runs)))


def settings(options, gradients, overlap):
    return [
        "examples/cifar10/simclr.yaml", f"data={os.environ['CIFAR10_TRAIN']}", "epochs=null",
        f"steps={WARM_UP + options.steps}", "schedule.warmup_epochs=0", "checkpoint.every_epochs=0",
        f"global_batch={options.batch}", f"slice_size={options.batch // 2}", f"encoder.width={options.width}",
        f"collectives.gradients={gradients}", f"collectives.overlap={overlap}",
        f"cluster.encrypt_data={'false' if options.plain_data else 'true'}",
    ]


def records(out):
    try:
        with open(out / "log.jsonl") as log:
            return [json.loads(line) for line in log.read().splitlines(keepends=True) if line.endswith("\n")]
    except FileNotFoundError:
        return []


def steps_of(out, options, sent=0.0, busy=0.0):
    found = records(out)
    if len(found) != WARM_UP + options.steps:
        raise BenchError(f"{len(found)} steps in the log, not {WARM_UP + options.steps}")
    measured = found[WARM_UP:]
    times = [record["time"] for record in found[WARM_UP - 1 :]]
    return Steps(
        statistics.median(b - a for a, b in zip(times, times[1:])),
        statistics.median(record["communication_seconds"] for record in measured),
        statistics.median(record["hidden_share"] for record in measured),
        sent,
        busy,
    )


def run_here(options):
    """Two workers of this host, which share memory: hardly anything but computing."""
    with Children() as children:
        out = children.path("run")
        command = [MURMUR, "train", *settings(options, "float64", "never"), "--workers", "2", "--out", str(out)]
        children.start("train", command)
        children.wait(options.limit)
        return steps_of(out, options)


def bytes_sent(hosts):
    """Since the first host was made, as its interface counts them."""
    command = hosts.inside(0, ["cat", "/sys/class/net/veth0/statistics/tx_bytes"])
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def core_times():
    """Ticks that all of this machine's cores have worked, and that they have had, since it started."""
    with open("/proc/stat") as stat:
        user, nice, system, idle, waiting, interrupts, soft, stolen = map(int, stat.readline().split()[1:9])
    working = user + nice + system + interrupts + soft
    return working, working + idle + waiting + stolen


def run_between(hosts, options, gradients, overlap):
    with Children() as children:
        out = children.path("run")
        command = [MURMUR, "coordinator", *settings(options, gradients, overlap), "--workers", "2"]
        command += ["--listen", f"tcp://{hosts.address(0)}:*", "--out", str(out)]
        children.start("coordinator", hosts.inside(0, command))
        children.wait_for_file(out / "ticket")
        for host in range(2):
            children.start(f"worker {host + 1}", hosts.inside(host, [MURMUR, "worker", "--join", str(out / "ticket")]))
        counts, cores = [], []
        for steps in (WARM_UP, WARM_UP + options.steps):
            deadline = time.monotonic() + options.limit
            while len(records(out)) < steps:
                children.check()
                if time.monotonic() > deadline:
                    raise BenchError(f"step {steps} took longer than {options.limit} s")
                time.sleep(0.02)
            counts.append(bytes_sent(hosts))
            cores.append(core_times())
        children.wait(60)
        worked, had = (after - before for before, after in zip(*cores))
        return steps_of(out, options, (counts[1] - counts[0]) / options.steps, worked / had)


def compare(options):
    for rate in options.rates:
        figures = {}
        with Hosts(2, rate) as hosts:
            checked = f"one TCP stream carries {hosts.transfer(0, 1):.0f} Mbit/s"
            for index in range(ROUNDS):
                for gradients in options.gradients:
                    # Next to what it is compared with: a machine's speed changes within minutes.
                    progress(f"{rate}, round {index + 1} of {ROUNDS}: computing")
                    figures.setdefault((gradients, ALONE), []).append(run_here(options))
                    for overlap in options.overlap:
                        progress(f"{rate}, round {index + 1} of {ROUNDS}: {gradients}, overlap {overlap}")
                        run = run_between(hosts, options, gradients, overlap)
                        figures.setdefault((gradients, overlap), []).append(run)
        print(f"A step between two hosts at {rate} ({checked}), batch {options.batch}\n")
        print_table(
            ["gradients", "overlap", "step s", "computing s", "communication s", "hidden", "sent MB", "busy", "bound"],
            list(lines(figures)),
        )


def lines(figures):
    """`figures`: by gradients and overlap, the runs of all rounds."""
    for (gradients, overlap), runs in figures.items():
        if overlap == ALONE:
            continue
        alone = [run.seconds - run.communication for run in figures[gradients, ALONE]]
        plain = figures.get((gradients, "never"))
        ratios = [run.seconds / max(here, without.communication)
                  for run, here, without in zip(runs, alone, plain or [])]
        steps = Steps.median(runs)
        yield [gradients, overlap, short(steps.seconds), short(statistics.median(alone)), short(steps.communication),
               f"{100 * steps.hidden:.0f} %", f"{steps.sent / 1e6:.1f}", f"{100 * steps.busy:.0f} %",
               f"{statistics.median(ratios):.2f}" if ratios else "–"]


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench overlap", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = lambda text: text.split(",")
    parser.add_argument("--rates", type=words, default=["1gbit", "100mbit"])
    parser.add_argument("--gradients", type=words, default=FORMATS, help=f"default {','.join(FORMATS)}")
    parser.add_argument("--overlap", type=words, default=["never", "always"])
    parser.add_argument("--plain-data", action="store_true", help="workers do not encrypt what they exchange")
    parser.add_argument("--steps", type=int, default=8, help="measured, after two others")
    parser.add_argument(
        "--batch", type=int, default=128, help="images of a step, even (default %(default)s, as the configuration has)"
    )
    parser.add_argument("--width", type=float, default=1, help="of the encoder")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a run may take")
    options = parser.parse_args()
    if options.batch < 4 or options.batch % 2 or options.steps < 1:
        parser.error("--batch is even and at least 4, --steps at least 1")
    for rate in options.rates:
        bits_per_second(rate)
    end_on_signals()
    compare(options)


if __name__ == "__main__":
    try:
        main()
    except NotAllowed as error:
        print(f"overlap: skipped, {error}")
    except BenchError as error:
        sys.exit(f"overlap: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
