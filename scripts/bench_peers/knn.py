"""Weighted kNN on frozen features (Wu et al., CVPR 2018), in PyTorch: the same code for whatever trained the encoder."""

import numpy
import torch
from PIL import Image


@torch.no_grad()
def embed(encoder, pixels, size, mean, std, batch=500):
    """Features [n, d] of unit length of images [n, s, s, 3], resized (bicubic) to `size` where that differs."""
    if pixels.shape[1] != size:
        resized = (Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC) for image in pixels)
        pixels = numpy.stack([numpy.asarray(image) for image in resized])
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    encoder.eval()
    features = []
    for start in range(0, len(pixels), batch):
        images = torch.from_numpy(pixels[start : start + batch]).permute(0, 3, 1, 2).float() / 255
        features.append(encoder((images - mean) / std))
    return torch.nn.functional.normalize(torch.cat(features), dim=1)


def percent_right(bank, bank_classes, queries, query_classes, k, temperature=0.07, batch=500):
    """Percent of the queries whose k nearest rows of the bank vote for their class, with weight exp(cosine/temperature)."""
    names = sorted({*bank_classes, *query_classes})
    numbers = {name: index for index, name in enumerate(names)}
    labels = torch.tensor([numbers[name] for name in bank_classes])
    truth = torch.tensor([numbers[name] for name in query_classes])
    right = 0
    for start in range(0, len(queries), batch):
        nearest = (queries[start : start + batch] @ bank.T).topk(min(k, len(bank)), dim=1)
        weights = (nearest.values.double() / temperature).exp()
        votes = torch.zeros(len(weights), len(names), dtype=torch.float64)
        votes.scatter_add_(1, labels[nearest.indices], weights)
        right += (votes.argmax(dim=1) == truth[start : start + batch]).sum().item()
    return 100 * right / len(queries)
