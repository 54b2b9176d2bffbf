"""Times lightly's NT-Xent, forward and backward, on random embeddings: JSON on the last line, `null` out of memory.

usage: lightly_ntxent.py IMAGES DIMENSION TEMPERATURE REPETITIONS THREADS MEMORY_LIMIT
"""

import json
import resource
import sys
import time

import torch
from lightly.loss import NTXentLoss


def main():
    images, dimension, repetitions, threads, limit = (int(sys.argv[i]) for i in (1, 2, 4, 5, 6))
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    loss = NTXentLoss(temperature=float(sys.argv[3]))
    views = [torch.randn(images, dimension, requires_grad=True) for _ in range(2)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    forward = backward = float("inf")
    try:
        for _ in range(repetitions):
            for view in views:
                view.grad = None
            start = time.perf_counter()
            value = loss(*views)
            middle = time.perf_counter()
            value.backward()
            forward, backward = min(forward, middle - start), min(backward, time.perf_counter() - middle)
    except RuntimeError as error:
        # What PyTorch throws where an allocation fails.
        if "memory" not in str(error):
            raise
        print("null")
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"forward": forward, "backward": backward, "memory": (peak - before) << 10}))


if __name__ == "__main__":
    main()
