"""All-reduce between network namespaces on shaped lines: ours by algorithm, ring or compression, and Gloo.

Ours is encrypted, as it is between hosts unless told otherwise; Gloo's is not here, so one column of ours does without.
"""

import sys

from contenders import HERE, MURMUR, SECONDS_EACH, Children, joined, name_size, print_table, rows, short, take_turns
from namespaces import Hosts, bits_per_second

MIB = 1 << 20
PLAIN = "not encrypted"
PORT = 29500


def patience(sizes, rate, hosts):
    """Seconds after which a run hangs: start-up, and a few times what its repetitions may take."""
    each = [SECONDS_EACH + 10 * 2 * 2 * size * 8 / bits_per_second(rate) for size in sizes]
    return 60 + 20 * hosts + sum(each)


def run_ours(hosts, per_host, sizes, options, said=None, slowest=None):
    """Our workers, host by host, and the coordinator on the first.

    `said` gets what was logged of the links that were measured; `slowest` is the rate of the slowest line.
    """
    workers = hosts.count * per_host
    with Children() as children:
        ticket = children.path("ticket")
        command = [MURMUR, "bench", "allreduce", "--listen", f"tcp://{hosts.address(0)}:*", "--ticket", str(ticket)]
        command += ["--workers", str(workers), "--bytes", joined(sizes)]
        command += ["--seconds", str(SECONDS_EACH), *options, "--json"]
        children.start("ours", hosts.inside(0, command))
        children.wait_for_file(ticket)
        for worker in range(workers):
            join = [MURMUR, "worker", "--join", str(ticket)]
            children.start(f"worker {worker + 1}", hosts.inside(worker // per_host, join))
        children.wait(patience(sizes, slowest or hosts.rate, hosts.count))
        if said is not None:
            said.update(line for line in children.errors("ours").splitlines() if "ring of hosts" in line)
        return rows(children.output("ours"), sizes, "ours")


def run_gloo(hosts, per_host, sizes):
    processes = hosts.count * per_host
    with Children() as children:
        for rank in range(processes):
            host = rank // per_host
            command = [sys.executable, str(HERE / "gloo_allreduce.py"), "--processes", str(processes)]
            command += ["--rank", str(rank), "--init", f"tcp://{hosts.address(0)}:{PORT}"]
            command += ["--interface", "veth0", "--bytes", joined(sizes)]
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
        header = ["hosts", "workers a host", "size", *(f"ours, {name}" for name in [*options.algorithms, PLAIN]), "Gloo"]
        print_table(header, lines)


def algorithm_lines(hosts, per_host, sizes, algorithms):
    # With one worker a host there is nothing to reduce inside it.
    possible = [name for name in algorithms if per_host > 1 or name != "hierarchical"]
    sides = {
        name: lambda name=name: run_ours(hosts, per_host, sizes, ["--algorithm", name]) for name in possible
    }
    sides[PLAIN] = lambda: run_ours(hosts, per_host, sizes, ["--plain-data"])
    sides["Gloo"] = lambda: run_gloo(hosts, per_host, sizes)
    what = f"{hosts.count} hosts of {per_host} at {hosts.rate}"
    figures = take_turns(sides, sizes, what)
    for size in sizes:
        cells = []
        for name in [*algorithms, PLAIN, "Gloo"]:
            median = figures[name][size].median if name in sides else None
            cells.append(f"{short(median)} · {share_of_line(hosts, size, median)}" if median else "–")
        yield [str(hosts.count), str(per_host), name_size(size), *cells]


def compare_rings(options):
    """Four hosts with a line for each pair, those of the second and third, neighbours in the ring as they come, slow."""
    sizes, rate = options.sizes or [1 * MIB, 16 * MIB], options.rates[0]
    slow = f"{bits_per_second(rate) / 10 / 1e3:.0f}kbit"
    lines, said = [], set()
    for pairs in ({}, {(1, 2): slow}):
        with Hosts(4, rate, pairs=pairs) as hosts:
            label = f"{hosts.transfer(1, 2):.0f} Mbit/s"
            sides = {
                "as they come": lambda: run_ours(hosts, 1, sizes, ["--algorithm", "ring"], slowest=slow),
                "measured": lambda: run_ours(
                    hosts, 1, sizes, ["--algorithm", "ring", "--measure-links"], said, slowest=slow
                ),
            }
            figures = take_turns(sides, sizes, f"four hosts at {rate}, two of them at {label}")
        for size in sizes:
            came, measured = (figures[side][size] for side in sides)
            ratio = f"{came.ratio(measured):.2f}"
            lines.append([label, name_size(size), short(came.median), short(measured.median), ratio])
    print(f"All-reduce round a ring of four hosts, a line of {rate} for each pair: median ms\n")
    print_table(["line between hosts 2 and 3", "size", "ring as they come", "ring by measured links", "ratio"], lines)
    print("\n".join(sorted(said)), end="\n\n", flush=True)


def compare_steps(options):
    sizes = options.sizes or [44 * MIB]
    for rate in options.rates:
        with Hosts(2, rate) as hosts:
            checked = line_check(hosts)
            sides = {
                name: lambda name=name: run_ours(hosts, 1, sizes, ["--compress", name])
                for name in options.compress
            }
            figures = take_turns(sides, sizes, f"two hosts at {rate}")
        plain = options.compress[0]
        lines = [
            [name_size(size), name, short(figures[name][size].minimum), short(figures[name][size].median)]
            + [f"{figures[plain][size].ratio(figures[name][size]):.2f}"]
            for size in sizes
            for name in sides
        ]
        print(f"All-reduce of a gradient between two hosts at {rate} ({checked}): ms\n")
        print_table(["size", "compression", "min", "median", f"{plain}/this"], lines)
