"""Measures what SimCLR's projector throws away: how well a small probe tells an image's augmentation from its features h
and from its embedding z.

    python3 scripts/plots/projector_invariance.py --run RUN --data TEST_TAR [--images 4000]

RUN is a run's directory (`murmur train`), TEST_TAR labelled images that it has not seen. Each image is changed by one
augmentation at random strength; the probe is a ridge regression from unit h or unit z (dimensions and images for both are
in the table), trained on one half of the images and tested on the other. Prints a table as Markdown: accuracy for what is
done or not, R² for what has a strength, and the class of the image for comparison.
"""

import argparse
import sys
from pathlib import Path

import numpy
import torch
import yaml
from torchvision.transforms import functional

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "bench_peers")]
import images  # noqa: E402
from pytorch_reference import read_safetensors, scaled_resnet  # noqa: E402


def head(tensors):
    """The projector as a function, from its tensors under nn.Sequential's names."""
    places = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("projector.")})

    def forward(x):
        for index, place in enumerate(places):
            own = {name.split(".")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"projector.{place}.")}
            if "running_mean" in own:
                x = torch.nn.functional.batch_norm(
                    x, own["running_mean"], own["running_var"], own.get("weight"), own.get("bias")
                )
            else:
                x = torch.nn.functional.linear(x, own["weight"], own.get("bias"))
            following = places[index + 1] if index + 1 < len(places) else place + 1
            if following > place + 1:
                x = x.relu()
        return x

    return forward


def model(run):
    """Image batch → (h, z), as the run's newest checkpoint has them, and the run's settings."""
    settings = yaml.safe_load((run / "config.yaml").read_text())
    newest = sorted((run / "checkpoints").glob("step-*"))[-1]
    encoder = settings["encoder"]
    network = scaled_resnet(int(encoder["name"].removeprefix("resnet")), encoder["width"], encoder["form"] == "cifar")
    network.load_state_dict(read_safetensors(newest / "backbone.safetensors"))
    network.eval()
    project = head(read_safetensors(newest / "heads.safetensors"))

    def forward(x):
        with torch.no_grad():
            h = torch.cat([network(part) for part in x.split(256)])
            return {"h": h, "z": project(h)}

    return forward, settings


AUGMENTATIONS = {
    # name: (draw of the strength, image and strength → image)
    "grayscale, done or not": (lambda r: float(r.integers(2)), lambda x, s: functional.rgb_to_grayscale(x, 3) if s else x),
    "flip, done or not": (lambda r: float(r.integers(2)), lambda x, s: x.flip(-1) if s else x),
    "brightness, factor": (lambda r: r.uniform(0.6, 1.4), functional.adjust_brightness),
    "contrast, factor": (lambda r: r.uniform(0.6, 1.4), functional.adjust_contrast),
    "saturation, factor": (lambda r: r.uniform(0.6, 1.4), functional.adjust_saturation),
    "hue, shift": (lambda r: r.uniform(-0.1, 0.1), functional.adjust_hue),
    "blur, σ": (lambda r: r.uniform(0.1, 1.5), lambda x, s: functional.gaussian_blur(x, 3, s)),
}


def ridge(features, targets):
    """Predictions for the second half of the rows by a ridge regression on the first; its weight is chosen on a fifth of
    that half."""
    x = torch.nn.functional.normalize(features, dim=1).double()
    half = x.shape[0] // 2
    mean, scale = x[:half].mean(0), x[:half].std(0) + 1e-9
    x = torch.cat([(x - mean) / scale, torch.ones(x.shape[0], 1)], 1)
    y = targets.double()
    fit = half * 4 // 5

    def solve(rows, weight):
        return torch.linalg.solve(x[:rows].T @ x[:rows] + weight * torch.eye(x.shape[1]), x[:rows].T @ y[:rows])

    weights = [10.0**k for k in range(-2, 5)]
    errors = [((x[fit:half] @ solve(fit, weight) - y[fit:half]) ** 2).mean() for weight in weights]
    return x[half:] @ solve(half, weights[int(numpy.argmin(errors))])


def score(name, features, targets):
    predicted, truth = ridge(features, targets), targets[targets.shape[0] // 2 :].double()
    if targets.dim() == 2:
        return f"{100 * (predicted.argmax(1) == truth.argmax(1)).double().mean():.1f} %"
    if "done or not" in name:
        return f"{100 * ((predicted > 0.5) == (truth > 0.5)).double().mean():.1f} %"
    return f"R² {1 - ((predicted - truth) ** 2).mean() / truth.var(unbiased=False):.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=4000)
    options = parser.parse_args()

    forward, settings = model(options.run)
    pixels, classes = images.load(options.data)
    random = numpy.random.default_rng(1)
    chosen = random.permutation(len(pixels))[: options.images]
    x = torch.from_numpy(pixels[chosen]).permute(0, 3, 1, 2).float() / 255
    size = settings["augment"]["size"]
    x = torch.nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    mean, std = (torch.tensor(settings["augment"][key]).view(1, 3, 1, 1) for key in ("mean", "std"))

    lines = []
    for name, (draw, change) in AUGMENTATIONS.items():
        strengths = [draw(random) for _ in chosen]
        changed = torch.stack([change(image, strength) for image, strength in zip(x, strengths)])
        outputs = forward((changed - mean) / std)
        lines.append([name] + [score(name, outputs[kind], torch.tensor(strengths)) for kind in ("h", "z")])
    outputs = forward((x - mean) / std)
    known = sorted(set(classes))
    labels = torch.eye(len(known))[[known.index(classes[index]) for index in chosen]]
    lines.append(["class of the image"] + [score("class", outputs[kind], labels) for kind in ("h", "z")])
    widths = {kind: output.shape[1] for kind, output in outputs.items()}
    print(f"| predicted | from h, {widths['h']} dimensions | from z, {widths['z']} dimensions |\n| --- | --- | --- |")
    for line in lines:
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
