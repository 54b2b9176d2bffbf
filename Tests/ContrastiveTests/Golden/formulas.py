"""Inputs and weights by formula, the same in the Swift tests, and torchvision's ResNets in other widths and forms."""

import math

import numpy
import torch
import torchvision


def waves(shape, phase, scale=1.0, shift=0.0):
    """shift + scale * sin(0.37 * (i + 1) + phase) over the elements i in row-major order, float64."""
    count = math.prod(shape)
    values = shift + scale * numpy.sin(0.37 * (numpy.arange(count, dtype=numpy.float64) + 1.0) + phase)
    return torch.from_numpy(values).reshape(shape)


def noise(shape, seed, scale=1.0, shift=0.0):
    """shift + scale * u over the elements i, u in [-1, 1) an integer hash of i and seed, float64. Unlike the waves these
    make matrices of full rank, so that a network of them is well conditioned."""
    mask = numpy.uint64(0xFFFFFFFF)
    h = numpy.arange(1, math.prod(shape) + 1, dtype=numpy.uint64) * numpy.uint64(2654435761)
    h = (h + numpy.uint64(seed) * numpy.uint64(40503)) & mask
    for _ in range(2):
        h = ((h ^ (h >> numpy.uint64(16))) * numpy.uint64(2246822519)) & mask
    h = h ^ (h >> numpy.uint64(13))
    values = shift + scale * (h.astype(numpy.float64) / 2.0**31 - 1.0)
    return torch.from_numpy(values).reshape(shape)


def resnet(depth, form, width, channels):
    """torchvision's ResNet without classifier; its own _make_layer builds the stages in the scaled widths."""
    network = getattr(torchvision.models, f"resnet{depth}")(weights=None)
    planes = [max(1, math.floor(base * width + 0.5)) for base in (64, 128, 256, 512)]
    blocks = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}[depth]
    block = type(network.layer1[0])
    if form == "cifar":
        network.conv1 = torch.nn.Conv2d(channels, planes[0], 3, stride=1, padding=1, bias=False)
        network.maxpool = torch.nn.Identity()
    else:
        network.conv1 = torch.nn.Conv2d(channels, planes[0], 7, stride=2, padding=3, bias=False)
    network.bn1 = torch.nn.BatchNorm2d(planes[0])
    network.inplanes = planes[0]
    for stage in range(4):
        layer = network._make_layer(block, planes[stage], blocks[stage], stride=1 if stage == 0 else 2)
        setattr(network, f"layer{stage + 1}", layer)
    network.fc = torch.nn.Identity()
    return network


def fill(network):
    """Sets every entry of the state by formula; the seed is the entry's place in the state."""
    state = network.state_dict()
    for place, (name, tensor) in enumerate(state.items()):
        if name.endswith("num_batches_tracked"):
            continue
        if tensor.dim() > 1:
            fan_out = tensor.shape[0] * tensor[0, 0].numel()
            values = noise(tensor.shape, place, math.sqrt(6 / fan_out))
        elif name.endswith("running_var") or name.endswith("weight"):
            values = noise(tensor.shape, place, 0.3, 1.0)
        else:
            values = noise(tensor.shape, place, 0.1)
        tensor.copy_(values)
