#!/usr/bin/env python3
"""All-reduce (float32, sum) with torch.distributed over Gloo on loopback TCP, or as one rank of several hosts.

Prints one JSON object a line: bytes, processes, min_ms, median_ms, repetitions. Every result is verified. A repetition
is timed on each rank, between a barrier and the end of its call; its time is the mean over the ranks. Needs Debian's
python3-torch or PyPI's torch.

    gloo_allreduce.py --processes 2 --bytes 1048576,16777216 --seconds 3
    gloo_allreduce.py --processes 4 --rank 1 --init tcp://10.77.0.1:29500 --interface veth0 --bytes 1048576
"""

import argparse
import json
import os
import socket
import statistics
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(rank, processes, count, seconds):
    """Milliseconds of each repetition, as many as fit into the time; at least three, after two to warm up."""
    times = []
    warm_up = 2
    pattern = torch.arange(count, dtype=torch.float32).remainder_(1021)
    expected = pattern * processes + processes * (processes - 1) // 2
    started = time.monotonic()
    while True:
        values = pattern + rank
        dist.barrier()
        begin = time.perf_counter()
        dist.all_reduce(values)
        elapsed = (time.perf_counter() - begin) * 1e3
        if not torch.equal(values, expected):
            sys.exit(f"rank {rank}: wrong sum over {count} elements")
        if warm_up > 0:
            warm_up -= 1
        else:
            times.append(elapsed)
        done = torch.tensor([int(len(times) >= 3 and time.monotonic() - started > seconds)])
        dist.broadcast(done, 0)
        if done.item():
            total = torch.tensor(times, dtype=torch.float64)
            dist.all_reduce(total)
            return (total / processes).tolist()


def worker(rank, processes, sizes, seconds, init, interface):
    os.environ["GLOO_SOCKET_IFNAME"] = interface
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=init, rank=rank, world_size=processes)
    for size in sizes:
        times = measure(rank, processes, size // 4, seconds)
        if rank == 0:
            result = {
                "bytes": size,
                "processes": processes,
                "min_ms": round(min(times), 4),
                "median_ms": round(statistics.median(times), 4),
                "repetitions": len(times),
            }
            print(json.dumps(result), flush=True)
    dist.barrier()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--bytes", default="4096,1048576,16777216,104857600", help="sizes, multiples of 4")
    parser.add_argument("--seconds", type=float, default=2, help="for each size")
    parser.add_argument("--rank", type=int, help="be this rank alone; the others are started elsewhere")
    parser.add_argument("--init", help="with --rank: where rank 0 listens, tcp://ADDRESS:PORT")
    parser.add_argument("--interface", default="lo", help="the network interface that reaches the others")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.bytes.split(",")]
    if arguments.processes < 1 or any(size < 4 or size % 4 for size in sizes):
        parser.error("sizes are positive multiples of 4, processes at least 1")
    if (arguments.rank is None) != (arguments.init is None):
        parser.error("--rank and --init go together")
    if arguments.rank is not None and not 0 <= arguments.rank < arguments.processes:
        parser.error(f"--rank is one of 0 to {arguments.processes - 1}")
    common = (arguments.processes, sizes, arguments.seconds)
    if arguments.rank is not None:
        worker(arguments.rank, *common, arguments.init, arguments.interface)
    else:
        init = f"tcp://127.0.0.1:{free_port()}"
        mp.spawn(worker, args=(*common, init, arguments.interface), nprocs=arguments.processes)


if __name__ == "__main__":
    main()
