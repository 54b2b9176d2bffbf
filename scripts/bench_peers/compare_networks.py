"""All-reduce between network namespaces on shaped lines: ours by algorithm, ring or compression, and Gloo."""

import subprocess
import sys
import time

from contenders import HERE, MURMUR, SECONDS_EACH, Children, joined, name_size, print_table, rows, short, take_turns
from namespaces import Hosts, bits_per_second

MIB = 1 << 20
PORT = 29500


def patience(sizes, rate, hosts):
    """Seconds after which a run hangs: start-up, and a few times what its repetitions may take."""
    each = [SECONDS_EACH + 10 * 2 * 2 * size * 8 / bits_per_second(rate) for size in sizes]
    return 60 + 20 * hosts + sum(each)


def joining_option():
    """What keeps the coordinator from starting workers itself, where --listen alone does not."""
    text = subprocess.run([MURMUR, "bench", "allreduce", "--help"], capture_output=True, text=True).stdout
    return ["--no-spawn"] if "--no-spawn" in text else []


def run_ours(hosts, per_host, sizes, options, slowest=None):
    """Our workers, host by host, and the coordinator on the first: figures, and what was logged of collectives."""
    workers = hosts.count * per_host
    with Children() as children:
        ticket = children.path("ticket")
        command = [MURMUR, "bench", "allreduce", "--listen", f"tcp://{hosts.address(0)}:*", "--ticket", str(ticket)]
        command += [*joining_option(), "--workers", str(workers), "--bytes", joined(sizes)]
        command += ["--seconds", str(SECONDS_EACH), *options, "--json"]
        children.start("ours", hosts.inside(0, command))
        children.wait_for_file(ticket)
        names = []
        for worker in range(workers):
            # Host by host and one after the other, so that the order in which they join is the hosts'.
            names.append(f"worker {worker + 1}")
            join = [MURMUR, "worker", "--join", str(ticket)]
            children.start(names[-1], hosts.inside(worker // per_host, join))
            time.sleep(0.3)
        children.wait(patience(sizes, slowest or hosts.rate, hosts.count))
        logged = [line for name in ["ours", *names] for line in children.errors(name).splitlines()]
        return rows(children.output("ours"), sizes, "ours"), [line for line in logged if "collectives:" in line]


def run_gloo(hosts, per_host, sizes):
    processes = hosts.count * per_host
    with Children() as children:
        for rank in range(processes):
            host = rank // per_host
            command = [sys.executable, str(HERE / "gloo_allreduce.py"), "--processes", str(processes)]
            command += ["--rank", str(rank), "--init", f"tcp://{hosts.address(0)}:{PORT}"]
            command += ["--interface", hosts.interface(host), "--bytes", joined(sizes)]
            children.start(f"Gloo {rank}", hosts.inside(host, [*command, "--seconds", str(SECONDS_EACH)]))
        children.wait(patience(sizes, hosts.rate, hosts.count))
        return rows(children.output("Gloo 0"), sizes, "Gloo")


def share_of_line(hosts, size, milliseconds):
    """Bus bandwidth, 2 (n - 1) / n bytes / time for n hosts, of a line's rate; a string in percent."""
    bits = 2 * (hosts.count - 1) / hosts.count * size * 8
    return f"{100 * bits / (milliseconds / 1e3) / bits_per_second(hosts.rate):.0f} %"


def line_check(hosts):
    return f"one TCP stream carries {hosts.transfer(0, hosts.count - 1):.0f} Mbit/s"


def compare_algorithms(options):
    sizes = options.sizes or [1 * MIB, 16 * MIB, 64 * MIB]
    for rate in options.rates:
        lines, checked = [], None
        for count in options.hosts:
            with Hosts(count, rate) as hosts:
                checked = checked or line_check(hosts)
                for per_host in options.per_host:
                    lines += algorithm_lines(hosts, per_host, sizes, options.algorithms)
        print(f"All-reduce between hosts on {rate} lines ({checked}):")
        print("median ms, and bus bandwidth as a share of the line's rate\n")
        header = ["hosts", "workers a host", "size", *(f"ours, {name}" for name in options.algorithms), "Gloo"]
        print_table(header, lines)


def algorithm_lines(hosts, per_host, sizes, algorithms):
    sides = {
        name: lambda name=name: run_ours(hosts, per_host, sizes, ["--algorithm", name])[0] for name in algorithms
    }
    sides["Gloo"] = lambda: run_gloo(hosts, per_host, sizes)
    what = f"{hosts.count} hosts of {per_host} at {hosts.rate}"
    figures = take_turns(sides, sizes, what)
    for size in sizes:
        medians = [figures[name][size][1] for name in sides]
        cells = [f"{short(median)} · {share_of_line(hosts, size, median)}" for median in medians]
        yield [str(hosts.count), str(per_host), name_size(size), *cells]


def tenth(rate):
    return f"{bits_per_second(rate) / 1e4:.0f}kbit"


def compare_rings(options):
    """Four hosts, each pair with a line of its own; the second's and third's, neighbours as given, is the slow one."""
    sizes, rate = options.sizes or [1 * MIB, 16 * MIB], options.rates[0]
    lines, logged = [], []
    for slow in ({}, {(1, 2): tenth(rate)}):
        label = f"{rate}, hosts 2 and 3 {tenth(rate)}" if slow else rate
        with Hosts(4, rate, mesh=True, slow=slow) as hosts:
            label += f" ({hosts.transfer(1, 2):.0f} Mbit/s)"

            def side(ring):
                figures, said = run_ours(hosts, 1, sizes, ["--ring", ring], slowest=tenth(rate))
                logged.extend(f"{label}, {ring}: {line}" for line in said)
                return figures

            rings = {ring: lambda ring=ring: side(ring) for ring in ("given", "probed")}
            figures = take_turns(rings, sizes, label)
        for size in sizes:
            given, probed = (figures[ring][size][1] for ring in rings)
            lines.append([label, name_size(size), short(given), short(probed), f"{given / probed:.2f}"])
    print("All-reduce over four hosts with a line for every pair: median ms\n")
    print_table(["lines (between 2 and 3)", "size", "ring as given", "as probed", "given/probed"], lines)
    logged = logged or ["No line beginning with 'collectives:' was logged."]
    print("\n".join(dict.fromkeys(logged)), end="\n\n", flush=True)


def compare_steps(options):
    sizes = options.sizes or [44 * MIB]
    for rate in options.rates:
        with Hosts(2, rate) as hosts:
            checked = line_check(hosts)
            sides = {
                name: lambda name=name: run_ours(hosts, 1, sizes, ["--compress", name])[0]
                for name in options.compress
            }
            figures = take_turns(sides, sizes, f"two hosts at {rate}")
        plain = options.compress[0]
        lines = [
            [name_size(size), name, short(figures[name][size][0]), short(figures[name][size][1])]
            + [f"{figures[plain][size][1] / figures[name][size][1]:.2f}"]
            for size in sizes
            for name in sides
        ]
        print(f"All-reduce of a gradient between two hosts at {rate} ({checked}): ms\n")
        print_table(["size", "compression", "min", "median", f"{plain}/this"], lines)
