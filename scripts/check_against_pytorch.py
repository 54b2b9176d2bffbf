"""Checks `murmur loss` and `murmur export` against PyTorch and torchvision, on inputs drawn anew each time.

    python3 scripts/check_against_pytorch.py --murmur .build/release/murmur [--seed S]

Every case prints one line; the seed is printed so that a failing run can be repeated.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent.parent / "Tests/ContrastiveTests/Golden"))
from pytorch_reference import read_safetensors, scaled_resnet, write_safetensors
from reference_losses import LOSSES

def relative(ours, reference):
    """The largest deviation, in units of the reference's largest entry."""
    return ((ours.double() - reference).abs().max() / reference.abs().max().clamp(min=1e-30)).item()


def verdict(error, limit):
    """What a case's line ends with; not a number is wrong too."""
    return f"{error:.1e} {'ok' if error <= limit else 'WRONG'}"


def log_uniform(low, high):
    return float(f"{low * (high / low) ** random.random():.4g}")


def draw(method, count):
    """Random inputs of a method in float64, the names of those with gradient, and random settings."""
    width, rows, crops = random.randrange(2, 40), random.randrange(2, 50), random.randrange(2, 7)

    def matrix(*shape):
        return torch.randn(*shape, dtype=torch.float64) * random.uniform(0.3, 30)

    def matrices(names):
        return {name: matrix(count, width) for name in names.split()}

    temperature = {"temperature": random.choice([0.01, 0.05, log_uniform(0.02, 2), 1.0])}
    if method == "simclr":
        return matrices("z1 z2"), "z1 z2", temperature
    if method == "triplet":
        distance, mining = random.choice(["euclidean", "squared", "cosine"]), random.choice(["all", "hard", "semihard"])
        return matrices("z1 z2"), "z1 z2", {"margin": log_uniform(0.01, 1), "distance": distance, "mining": mining}
    if method in ("moco", "mocov2"):
        return {**matrices("q k"), "queue": matrix(rows, width)}, "q", temperature
    if method == "mocov3":
        return matrices("q1 q2 k1 k2"), "q1 q2", temperature
    if method in ("swav", "deepclusterv2"):
        inputs = {"z": matrix(crops, count, width), "prototypes": matrix(rows, width)}
        if method == "swav":
            settings = {"epsilon": log_uniform(0.03, 1), "rounds": random.randrange(1, 6)}
            return inputs, "z prototypes", {**temperature, **settings}
        inputs["assignments"] = torch.randint(0, rows, (count,))
        inputs["assignments"][torch.rand(count) < 0.2] = -100
        inputs["assignments"][random.randrange(count)] = 0
        return inputs, "z prototypes", temperature
    if method in ("byol", "simsiam"):
        return matrices("p1 p2 t1 t2"), "p1 p2", {}
    if method == "barlowtwins":
        return matrices("z1 z2"), "z1 z2", {"lambda": log_uniform(0.001, 1)}
    assert method == "vicreg"
    # Standard deviations on both sides of the hinge at 1.
    inputs = {name: torch.randn(count, width, dtype=torch.float64) * 1.2 for name in ("z1", "z2")}
    return inputs, "z1 z2", {name: log_uniform(0.1, 30) for name in ("invariance", "variance", "covariance")}


METHODS = "simclr triplet moco mocov2 mocov3 swav deepclusterv2 byol simsiam barlowtwins vicreg".split()


def murmur_loss(murmur, method, inputs, settings, workers, scratch, *options):
    """What `murmur loss` prints and the gradients that it writes."""
    source, target = scratch / "inputs.safetensors", scratch / "gradients.safetensors"
    write_safetensors(source, {name: tensor.numpy() for name, tensor in inputs.items()})
    command = [murmur, "loss", method, "--in", source, "--workers", workers, "--out", target, *options]
    command += [f"{name}={value}" for name, value in settings.items()]
    ending = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    assert ending.returncode == 0, f"{method}: {ending.stderr}"
    word, value = ending.stdout.strip().splitlines()[-1].split()
    assert word == "loss", ending.stdout
    return float(value), read_safetensors(target)


def check_loss(murmur, method, workers, count, dtype, scratch):
    """Runs `murmur loss` and the reference on the same random inputs; returns what was drawn and the largest error."""
    inputs, trained, settings = draw(method, count)
    inputs = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    value, ours = murmur_loss(murmur, method, inputs, settings, workers, scratch)
    leaves = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    for name in trained.split():
        leaves[name] = leaves[name].clone().requires_grad_()
    expected = LOSSES["moco" if method == "mocov2" else method](leaves, **settings)
    expected.backward()
    assert set(ours) == {f"grad_{name}" for name in trained.split()}, f"{method}: {sorted(ours)}"
    assert all(tensor.dtype == dtype for tensor in ours.values()), method
    errors = [abs(value - expected.item()) / max(abs(expected.item()), 1e-30)]
    errors += [relative(ours[f"grad_{name}"], leaves[name].grad) for name in trained.split()]
    return settings, max(errors)


def ordinary_simclr(z1, z2, temperature, rows=1024):
    """Value and gradients of the ordinary loss for a batch whose similarities are too many for one graph: the same anchors,
    some rows at a time, each against all keys."""
    leaves = [z1.double().requires_grad_(), z2.double().requires_grad_()]
    normalized = torch.nn.functional.normalize(torch.cat(leaves), dim=1)
    keys = normalized.detach().requires_grad_()
    count, value = len(keys), 0.0
    for anchors in torch.arange(count).split(rows):
        own = torch.nn.functional.one_hot(anchors, count).bool()
        logits = (keys[anchors] @ keys.T / temperature).masked_fill(own, float("-inf"))
        positives = (anchors + count // 2) % count
        share = torch.nn.functional.cross_entropy(logits, positives, reduction="sum") / count
        share.backward()
        value += share.item()
    normalized.backward(keys.grad)
    return value, {"grad_z1": leaves[0].grad, "grad_z2": leaves[1].grad}


def check_large_batch(murmur, count, temperature, scratch):
    """The loss of a large batch in float32, as a run takes it, by workers. Yields them with the largest error."""
    inputs = {name: torch.randn(count, 128) for name in ("z1", "z2")}
    expected, gradients = ordinary_simclr(inputs["z1"], inputs["z2"], temperature)
    for workers in (1, 2, 3, 4, 8):
        value, ours = murmur_loss(
            murmur, "simclr", inputs, {"temperature": temperature}, workers, scratch, "--single")
        errors = [abs(value - expected) / abs(expected)]
        errors += [relative(ours[name], gradient) for name, gradient in gradients.items()]
        yield workers, max(errors)


def check_export(murmur, scratch, name, depth, width, form):
    """Trains one step on random images, exports, and loads into torchvision with strict=True."""
    from PIL import Image

    images = scratch / f"images-{name}"
    for label in ("a", "b"):
        (images / label).mkdir(parents=True, exist_ok=True)
        for index in range(4):
            pixels = numpy.random.randint(0, 256, (40, 40, 3), numpy.uint8)
            Image.fromarray(pixels).save(images / label / f"{index}.png")
    configuration = scratch / f"{name}.yaml"
    configuration.write_text(
        f"method: simclr\ndata: {images}\nglobal_batch: 4\nslice_size: 2\nsteps: 2\n"
        f"encoder:\n  name: resnet{depth}\n  form: {form}\n  width: {width}\n"
        "augment:\n  size: 32\nprojector:\n  hidden: 32\n  out: 16\nschedule:\n  warmup_epochs: 0\n"
    )
    out, exported, features = scratch / f"run-{name}", scratch / f"{name}.safetensors", scratch / f"{name}-f.safetensors"

    def run(*words):
        subprocess.run([str(word) for word in (murmur,) + words], check=True, capture_output=True, text=True, timeout=600)

    run("train", configuration, "--workers", 1, "--out", out)
    run("export", "--checkpoint", out, "--out", exported)
    run("embed", "--checkpoint", out, "--data", images, "--out", features)
    model = scaled_resnet(depth, width, cifar=form == "cifar")
    model.load_state_dict(read_safetensors(exported), strict=True)
    model.eval()
    # The evaluation transform of `embed` on 40 × 40 images at size 32 is checked through the features themselves.
    assert read_safetensors(features)["features"].shape == (8, model.feature_width)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--murmur", default=".build/release/murmur")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    options = parser.parse_args()
    print(f"seed {options.seed}; torch {torch.__version__}")
    random.seed(options.seed)
    numpy.random.seed(options.seed)
    torch.manual_seed(options.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for method, workers, dtype in itertools.product(METHODS, (1, 2, 3, 4), (torch.float32, torch.float64)):
            count = random.randrange(4, 30)
            settings, error = check_loss(options.murmur, method, workers, count, dtype, scratch)
            # Gradients are rounded to the file's type, the loss is printed with nine digits.
            limit = 1e-6 if dtype == torch.float32 else 1e-8
            failures += not error <= limit
            words = " ".join(f"{name}={value}" for name, value in settings.items())
            print(f"{method} W={workers} N={count} {words} {dtype}: {verdict(error, limit)}")
        for count, temperature in ((8192, 0.1), (random.randrange(2048, 3000), 0.01)):
            for workers, error in check_large_batch(options.murmur, count, temperature, scratch):
                failures += not error <= 1e-5
                print(f"simclr W={workers} N={count} temperature={temperature} in float32: {verdict(error, 1e-5)}")
        for depth, width, form in ((18, 1.0, "imagenet"), (34, 0.25, "cifar"), (50, 0.5, "imagenet")):
            check_export(options.murmur, scratch, f"resnet{depth}-{form}", depth, width, form)
            print(f"export resnet{depth} width {width} {form}: loads strictly into torchvision")
    print(f"{failures} wrong")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
