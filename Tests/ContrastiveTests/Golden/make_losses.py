"""Writes every method's loss and its gradients in float64, computed by reference_losses.py.

Inputs are `noise` of a shape, seed and scale, which the tests make again."""

import json
import pathlib

import torch

from formulas import noise
from reference_losses import LOSSES

CASES = []


def case(method, inputs, constants=(), assignments=None, **settings):
    """Keeps value and gradients of a loss.

    inputs: {name: (shape, scale)}; constants: the names without gradient; settings: numbers and words."""
    made, tensors = {}, {}
    for place, (name, (shape, scale)) in enumerate(inputs.items()):
        seed = 100 * (len(CASES) + 1) + place
        made[name] = {"shape": shape, "seed": seed, "scale": scale}
        tensors[name] = noise(shape, seed, scale).requires_grad_(name not in constants)
    gradients = [name for name in tensors if name not in constants]
    if assignments is not None:
        tensors["assignments"] = torch.tensor(assignments)
    loss = LOSSES[method](tensors, **settings)
    loss.backward()
    CASES.append(
        {
            "method": method,
            "inputs": made,
            "assignments": assignments,
            "settings": {k: v for k, v in settings.items() if not isinstance(v, str)},
            "choices": {k: v for k, v in settings.items() if isinstance(v, str)},
            "loss": loss.item(),
            "gradients": {name: tensors[name].grad.flatten().tolist() for name in gradients},
        }
    )


def pair(count, width, scale=1.0):
    return {"z1": ([count, width], scale), "z2": ([count, width], 2 * scale)}


for count, width, temperature in [(5, 4, 0.5), (7, 3, 0.1), (6, 8, 0.01), (1, 4, 0.2)]:
    case("simclr", pair(count, width), temperature=temperature)

for distance in ("euclidean", "squared", "cosine"):
    for mining in ("all", "hard", "semihard"):
        for count, width, margin in [(5, 3, 0.2), (4, 6, 0.05)]:
            case("triplet", pair(count, width), margin=margin, distance=distance, mining=mining)

for count, width, length, temperature in [(5, 4, 9, 0.07), (4, 3, 1, 0.2), (6, 5, 16, 0.01)]:
    shapes = {"q": ([count, width], 1.0), "k": ([count, width], 3.0), "queue": ([length, width], 0.7)}
    case("moco", shapes, ("k", "queue"), temperature=temperature)

for count, width, temperature in [(5, 4, 1.0), (6, 3, 0.2), (4, 7, 0.01)]:
    shapes = {name: ([count, width], scale) for name, scale in [("q1", 1.0), ("q2", 2.0), ("k1", 0.5), ("k2", 4.0)]}
    case("mocov3", shapes, ("k1", "k2"), temperature=temperature)

for crops, count, width, prototypes, length, temperature, epsilon, rounds in [
    (2, 5, 4, 3, 0, 0.1, 0.05, 3),
    (4, 6, 3, 7, 0, 0.1, 0.05, 3),
    (3, 4, 5, 6, 7, 0.1, 0.03, 5),
    (3, 4, 5, 2, 3, 1.0, 0.5, 1),
]:
    shapes = {"z": ([crops, count, width], 2.0), "prototypes": ([prototypes, width], 0.3)}
    if length:
        shapes["queue"] = ([length, width], 1.0)
    case("swav", shapes, ("queue",), temperature=temperature, epsilon=epsilon, rounds=rounds)

for crops, width, prototypes, temperature, assignments in [
    (2, 4, 3, 0.1, [0, 2, 1, 2, 2]),
    (4, 3, 5, 0.1, [4, -100, 0, -100, 3, 3]),
    (1, 5, 4, 0.01, [-100, 3, 1]),
]:
    shapes = {"z": ([crops, len(assignments), width], 2.0), "prototypes": ([prototypes, width], 0.3)}
    case("deepclusterv2", shapes, assignments=assignments, temperature=temperature)

for method in ("byol", "simsiam"):
    shapes = {name: ([5, 4], scale) for name, scale in [("p1", 1.0), ("p2", 2.0), ("t1", 0.5), ("t2", 4.0)]}
    case(method, shapes, ("t1", "t2"))

for count, width, weight in [(6, 4, 0.0051), (3, 5, 0.5), (9, 3, 0.0)]:
    case("barlowtwins", pair(count, width, 0.01), **{"lambda": weight})

for count, width, scale, weights in [(6, 4, 1.0, (25, 25, 1)), (3, 5, 0.1, (0.3, 2, 7)), (8, 3, 1.6, (1, 1, 1))]:
    case("vicreg", pair(count, width, scale), **dict(zip(("invariance", "variance", "covariance"), weights)))

for count, width, features, cells, length, temperature in [(3, 4, 5, 6, 9, 0.2), (2, 5, 3, 1, 4, 0.07)]:
    shapes = {
        "q": ([count, width, cells], 1.0),
        "k": ([count, width, cells], 2.0),
        "qFeatures": ([count, features, cells], 1.0),
        "kFeatures": ([count, features, cells], 3.0),
        "queue": ([length, width], 0.5),
    }
    case("densecl", shapes, ("k", "qFeatures", "kFeatures", "queue"), temperature=temperature)

pathlib.Path(__file__).with_name("losses.json").write_text(json.dumps(CASES) + "\n")
