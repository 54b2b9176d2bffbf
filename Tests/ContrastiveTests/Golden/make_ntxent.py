"""Writes NT-Xent of two sets of views before normalisation and its gradients, in float64."""

import json
import pathlib

import torch
import torch.nn.functional as F

from formulas import waves


def nt_xent(first, second, temperature):
    z = F.normalize(torch.cat([first, second]), dim=1)
    count = z.shape[0]
    logits = (z @ z.T / temperature).masked_fill(torch.eye(count, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(logits, (torch.arange(count) + count // 2) % count)


results = []
for images, dimension, temperature in [(5, 4, 0.5), (7, 3, 0.1), (6, 8, 0.01), (1, 4, 0.2)]:
    first = waves([images, dimension], 0.1).requires_grad_()
    second = waves([images, dimension], 0.9, 2.0).requires_grad_()
    loss = nt_xent(first, second, temperature)
    loss.backward()
    results.append(
        {
            "images": images,
            "dimension": dimension,
            "temperature": temperature,
            "loss": loss.item(),
            "firstGradient": first.grad.flatten().tolist(),
            "secondGradient": second.grad.flatten().tolist(),
        }
    )
pathlib.Path(__file__).with_name("ntxent.json").write_text(json.dumps(results) + "\n")
