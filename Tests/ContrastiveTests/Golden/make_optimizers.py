"""Writes five steps of SGD and AdamW (PyTorch), of LARS (numpy, from the definition of SimCLR's own optimiser: decay
into the gradient, trust ratio of the norms, learning rate inside the momentum) and of LAMB (numpy, algorithm 2 of its
paper) on a weight [3, 2], a bias [3] and a norm scale [3], with gradients by formula."""

import json
import pathlib

import numpy
import torch

from formulas import waves

STEPS = 5
RATES = [0.1, 0.3, 0.2, 0.05, 0.4]
SHAPES = {"weight": [3, 2], "bias": [3], "norm": [3]}


def start():
    return {kind: waves(shape, place + 1.0) for place, (kind, shape) in enumerate(SHAPES.items())}


def gradient(kind, step):
    return waves(SHAPES[kind], 10.0 * (step + 1) + list(SHAPES).index(kind), 0.5)


def flattened(values):
    return [float(x) for kind in SHAPES for x in numpy.asarray(values[kind].detach()).flatten()]


def with_torch(make):
    parameters = {kind: value.clone().requires_grad_() for kind, value in start().items()}
    optimizer = make(parameters)
    history = []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATES[step]
        for kind, parameter in parameters.items():
            parameter.grad = gradient(kind, step)
        optimizer.step()
        history.append(flattened(parameters))
    return history


def adamw(parameters):
    groups = [
        {"params": [parameters["weight"]], "weight_decay": 0.05},
        {"params": [parameters["bias"], parameters["norm"]], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1.0, betas=(0.8, 0.95), eps=1e-6)


def lars(momentum=0.9, decay=0.01, trust=0.001, clipped=False):
    weights = {kind: value.numpy().copy() for kind, value in start().items()}
    velocity = {kind: numpy.zeros_like(value) for kind, value in weights.items()}
    history = []
    for step in range(STEPS):
        for kind, w in weights.items():
            g = gradient(kind, step).numpy()
            rate = RATES[step]
            if kind == "weight":
                g = g + decay * w
                ratio = trust * numpy.sqrt((w * w).sum()) / numpy.sqrt((g * g).sum())
                rate = min(rate, ratio) if clipped else rate * ratio
            velocity[kind] = momentum * velocity[kind] + rate * g
            weights[kind] = w - velocity[kind]
        history.append(flattened({kind: torch.from_numpy(value) for kind, value in weights.items()}))
    return history


def lamb(beta1=0.8, beta2=0.95, epsilon=1e-6, decay=0.05):
    weights = {kind: value.numpy().copy() for kind, value in start().items()}
    m = {kind: numpy.zeros_like(value) for kind, value in weights.items()}
    v = {kind: numpy.zeros_like(value) for kind, value in weights.items()}
    history = []
    for step in range(STEPS):
        for kind, w in weights.items():
            g = gradient(kind, step).numpy()
            m[kind] = beta1 * m[kind] + (1 - beta1) * g
            v[kind] = beta2 * v[kind] + (1 - beta2) * g * g
            corrected = m[kind] / (1 - beta1 ** (step + 1)), v[kind] / (1 - beta2 ** (step + 1))
            update, ratio = corrected[0] / (numpy.sqrt(corrected[1]) + epsilon), 1.0
            if kind == "weight":
                update = update + decay * w
                ratio = numpy.sqrt((w * w).sum()) / numpy.sqrt((update * update).sum())
            weights[kind] = w - RATES[step] * ratio * update
        history.append(flattened({kind: torch.from_numpy(value) for kind, value in weights.items()}))
    return history


def sgd(nesterov):
    return lambda parameters: torch.optim.SGD(
        parameters.values(), lr=1.0, momentum=0.9, weight_decay=0.01, nesterov=nesterov
    )


results = {
    "rates": RATES,
    "sgd": with_torch(sgd(False)),
    "nesterov": with_torch(sgd(True)),
    "adamw": with_torch(adamw),
    "lars": lars(),
    "larc": lars(trust=0.1, clipped=True),
    "lamb": lamb(),
}
pathlib.Path(__file__).with_name("optimizers.json").write_text(json.dumps(results) + "\n")
