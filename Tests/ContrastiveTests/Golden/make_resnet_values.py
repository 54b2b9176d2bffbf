"""Writes features, running statistics and parameter gradients of torchvision's ResNets in float64."""

import json
import pathlib

import torch

from formulas import fill, noise, resnet

CASES = [
    (18, "cifar", 1, 3, [4, 3, 16, 16]),
    (18, "imagenet", 0.25, 1, [3, 1, 64, 64]),
    (50, "cifar", 0.25, 3, [3, 3, 16, 16]),
    (50, "imagenet", 0.25, 3, [3, 3, 64, 64]),
]


def digits(values):
    return [float(f"{value:.13g}") for value in values.flatten().tolist()]


results = []
for depth, form, width, channels, shape in CASES:
    network = resnet(depth, form, width, channels).double()
    fill(network)
    images = noise(shape, 1000)
    network.eval()
    inference = network(images).detach()
    network.train()
    training = network(images)
    weights = noise(training.shape, 1001)
    (training * weights).sum().backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    norms = [buffer for name, buffer in network.named_buffers() if "running" in name]
    results.append(
        {
            "depth": depth,
            "form": form,
            "width": width,
            "channels": channels,
            "shape": shape,
            "inference": digits(inference[0, :8]),
            "inferenceNorm": float(inference.norm()),
            "training": digits(training[0, :8].detach()),
            "trainingNorm": float(training.detach().norm()),
            "gradientNorms": digits(torch.stack([gradient.norm() for gradient in gradients])),
            "firstGradients": digits(torch.stack([gradient.flatten()[0] for gradient in gradients])),
            "lastGradients": digits(torch.stack([gradient.flatten()[-1] for gradient in gradients])),
            "runningNorms": digits(torch.stack([buffer.norm() for buffer in norms])),
        }
    )
pathlib.Path(__file__).with_name("resnet_values.json").write_text(json.dumps(results, indent=None) + "\n")
