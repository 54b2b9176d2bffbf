#!/usr/bin/env python3
"""Hosts made of network namespaces, joined by lines of a given rate in both directions; needs root.

    namespaces.py HOSTS RATE    makes them, measures each line with a TCP transfer (Mbit/s) and removes them

All hosts hang on a switch by one line each, or on each other by one line a pair. Host h has the address 10.77.0.h, from
1 on. Rates are tc's, such as 1gbit; tc's token bucket shapes both ends of a line.
"""

import os
import re
import socket
import subprocess
import sys
import time

from contenders import BenchError, Children, end_on_signals

KIB = 1 << 10


def bits_per_second(rate):
    match = re.fullmatch(r"([1-9][0-9]*)(k|m|g)bit", rate)
    if not match:
        raise BenchError(f"rates are written like 1gbit or 100mbit, not '{rate}'")
    return int(match[1]) * {"k": 1e3, "m": 1e6, "g": 1e9}[match[2]]


class NotAllowed(BenchError):
    """This process may not make network namespaces."""


def call(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise BenchError(f"{' '.join(command)}: {(result.stderr.strip().splitlines() or ['failed'])[-1]}")


class Hosts:
    """`count` hosts on a switch, for the time of a block.

    With `pairs`, {(a, b): rate} for hosts a < b from 0 on, each pair has a line of its own instead; those that are not
    named have `rate`.
    """

    made = 0

    def __init__(self, count, rate, pairs=None):
        self.count, self.rate, self.own_lines = count, rate, pairs
        Hosts.made += 1
        self.prefix = f"murmur-{os.getpid()}-{Hosts.made}"
        self.namespaces = []

    def __enter__(self):
        try:
            names = [self.name(host) for host in range(self.count)]
            for name in names if self.own_lines is not None else [*names, self.switch]:
                self.add_namespace(name)
            if self.own_lines is None:
                self.join_by_switch()
            else:
                self.join_pairs()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
        self.namespaces = []

    def name(self, host):
        return f"{self.prefix}-{host + 1}"

    @property
    def switch(self):
        return f"{self.prefix}-switch"

    @staticmethod
    def address(host):
        return f"10.77.0.{host + 1}"

    def inside(self, host, command):
        return ["ip", "netns", "exec", self.name(host), *command]

    def pairs(self):
        return [(a, b) for a in range(self.count) for b in range(a + 1, self.count)]

    def add_namespace(self, name):
        try:
            call("ip", "netns", "add", name)
        except BenchError as error:
            raise NotAllowed(f"network namespaces are not allowed here ({error}); run it as root") from None
        self.namespaces.append(name)
        call("ip", "-n", name, "link", "set", "lo", "up")

    def join_by_switch(self):
        call("ip", "-n", self.switch, "link", "add", "bridge0", "type", "bridge")
        call("ip", "-n", self.switch, "link", "set", "bridge0", "up")
        for host in range(self.count):
            name, port = self.name(host), f"port{host + 1}"
            call(*f"ip -n {name} link add veth0 type veth peer name {port} netns {self.switch}".split())
            call("ip", "-n", self.switch, "link", "set", port, "master", "bridge0")
            call("ip", "-n", name, "address", "add", f"{self.address(host)}/24", "dev", "veth0")
            self.bring_up(name, "veth0", self.rate)
            self.bring_up(self.switch, port, self.rate)

    def join_pairs(self):
        for a, b in self.pairs():
            rate = self.own_lines.get((a, b), self.rate)
            ends = (a, f"to{b + 1}", b), (b, f"to{a + 1}", a)
            call(
                *f"ip -n {self.name(a)} link add {ends[0][1]} type veth".split(),
                *f"peer name {ends[1][1]} netns {self.name(b)}".split(),
            )
            for host, device, other in ends:
                call("ip", "-n", self.name(host), "address", "add", f"{self.address(host)}/32", "dev", device)
                self.bring_up(self.name(host), device, rate)
                route = f"route add {self.address(other)}/32 dev {device} src {self.address(host)}"
                call("ip", "-n", self.name(host), *route.split())

    @staticmethod
    def bring_up(namespace, device, rate):
        call("ip", "-n", namespace, "link", "set", device, "up")
        # A full bucket is a gift to each transfer, so it is small, and so are the segments that must pass it whole. But
        # each segment costs a timer: with 16 KiB at 1 Gbit/s, eight shapers took more than a third of two cores. A queue
        # of 20 ms is enough for one TCP stream.
        segment = 64 if bits_per_second(rate) >= 1e9 else 16
        call(*f"ip -n {namespace} link set {device} gso_max_size {segment * KIB}".split())
        shape = f"root tbf rate {rate} burst {(segment + 8) * KIB} latency 20ms"
        call("tc", "-n", namespace, "qdisc", "add", "dev", device, *shape.split())

    def transfer(self, sender, receiver, seconds=2):
        """Megabits per second of one TCP stream."""
        script, address = [sys.executable, os.path.abspath(__file__)], self.address(receiver)
        with Children() as children:
            children.start("receiver", self.inside(receiver, [*script, "receive", address]))
            children.wait_for_file(children.path("receiver.out"))
            port = children.output("receiver").split()[0]
            children.start("sender", self.inside(sender, [*script, "send", address, port, str(seconds)]))
            children.wait(seconds + 30)
            return float(children.output("receiver").split()[1])


def receive(address):
    """Prints the port, and after one stream its rate; the first half second (slow start, the bucket) is left out."""
    with socket.create_server((address, 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
    begin, count, space = time.monotonic() + 0.5, 0, bytearray(1 << 20)
    first = last = None
    while received := connection.recv_into(space):
        last = time.monotonic()
        if first is not None:
            count += received
        elif last >= begin:
            first = last
    print(count * 8 / (last - first) / 1e6, flush=True)


def send(address, port, seconds):
    data, deadline = bytes(1 << 20), time.monotonic() + seconds
    with socket.create_connection((address, port)) as connection:
        while time.monotonic() < deadline:
            connection.sendall(data)


def main():
    words = sys.argv[1:]
    if words[:1] == ["receive"]:
        return receive(words[1])
    if words[:1] == ["send"]:
        return send(words[1], int(words[2]), float(words[3]))
    if len(words) != 2 or not words[0].isdigit() or not 2 <= int(words[0]) <= 250:
        sys.exit("usage: namespaces.py HOSTS RATE, such as namespaces.py 3 1gbit")
    bits_per_second(words[1])
    end_on_signals()
    with Hosts(int(words[0]), words[1]) as hosts:
        for a, b in hosts.pairs():
            for sender, receiver in ((a, b), (b, a)):
                print(f"{sender + 1} to {receiver + 1}: {hosts.transfer(sender, receiver):.0f} Mbit/s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except NotAllowed as error:
        print(f"namespaces: skipped, {error}")
    except BenchError as error:
        sys.exit(f"namespaces: {error}")
