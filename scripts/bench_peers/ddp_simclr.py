"""SimCLR steps in PyTorch with DistributedDataParallel over Gloo: the peer of `scripts/bench train`.

    python3 ddp_simclr.py --workers 2 --threads 1 --global-batch 128 --steps 8

ResNet-18 in CIFAR form, projector 512-2048-128, NT-Xent over all ranks' embeddings with gradient, SGD with momentum,
channels-last, views already in memory: no decoding and no augmentation is counted against PyTorch. Batch norm is per
rank, since PyTorch has no synchronised batch norm on the CPU. Prints JSON: images per second of the median step.
"""

import argparse
import json
import os
import socket
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

sys.path.insert(0, str(Path(__file__).parent.parent))
from pytorch_reference import scaled_resnet


class Gather(torch.autograd.Function):
    """All-gather whose backward sums the gradients of all ranks."""

    @staticmethod
    def forward(ctx, z):
        parts = [torch.empty_like(z) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, z.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        count = len(gradient) // dist.get_world_size()
        return gradient[dist.get_rank() * count : (dist.get_rank() + 1) * count]


def nt_xent(z, temperature, rank, workers):
    count = len(z) // 2
    z = torch.nn.functional.normalize(z, dim=1)
    keys = torch.cat([Gather.apply(z[:count]), Gather.apply(z[count:])])
    total = count * workers
    first = torch.arange(rank * count, (rank + 1) * count)
    own, positive = torch.cat([first, first + total]), torch.cat([first + total, first])
    logits = z @ keys.T / temperature
    logits = logits.scatter(1, own[:, None], float("-inf"))
    return torch.nn.functional.cross_entropy(logits, positive)


def work(rank, options, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(options.threads)
    dist.init_process_group("gloo", rank=rank, world_size=options.workers)
    torch.manual_seed(0)
    backbone = scaled_resnet(18, cifar=True)
    backbone.fc = torch.nn.Sequential(
        torch.nn.Linear(512, 2048, bias=False),
        torch.nn.BatchNorm1d(2048),
        torch.nn.ReLU(inplace=True),
        torch.nn.Linear(2048, 128, bias=False),
        torch.nn.BatchNorm1d(128),
    )
    model = torch.nn.parallel.DistributedDataParallel(backbone.to(memory_format=torch.channels_last))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
    count = options.global_batch // options.workers
    views = torch.randn(2 * count, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    times = []
    for step in range(options.steps + 2):
        dist.barrier()
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        nt_xent(model(views), 0.2, rank, options.workers).backward()
        optimizer.step()
        if step >= 2:
            times.append(time.perf_counter() - start)
    if rank == 0:
        times.sort()
        median = times[len(times) // 2]
        print(
            json.dumps(
                {
                    "torch": torch.__version__,
                    "images_per_second": options.global_batch / median,
                    "best": options.global_batch / times[0],
                }
            ),
            flush=True,
        )
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--global-batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mp.spawn(work, (options, port), nprocs=options.workers)


if __name__ == "__main__":
    main()
