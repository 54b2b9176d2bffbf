"""SimCLR by PyTorch and lightly, one process: the peer of `scripts/bench lightly`, which starts it.

    PYTHONPATH=build/lightly python3 lightly_simclr.py RECIPE.json --threads 2 --loaders 1 --out FOLDER

Lightly's transform, projection head and loss around torchvision's ResNet-18, as lightly's own examples have them; PyTorch's
SGD and its DataLoader. What the recipe says is what ours trains by. Both views pass the network as one batch, and the last
normalisation has no shift: ours is so. Images are decoded before the clock starts. Writes FOLDER/backbone.pt and prints
JSON: seconds, images per second of the median step, last loss, and how many of the seconds it waited for views.
"""

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path

import torch
from images import load
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))
from pytorch_reference import scaled_resnet


class Views(torch.utils.data.Dataset):
    """Both views of each image."""

    def __init__(self, pixels, transform):
        self.pixels, self.transform = pixels, transform

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.pixels[index]))


def transform_of(recipe):
    return SimCLRTransform(
        input_size=recipe["size"],
        cj_prob=0.8,
        cj_strength=recipe["jitter"],
        cj_bright=0.8,
        cj_contrast=0.8,
        cj_sat=0.8,
        cj_hue=0.2,
        min_scale=recipe["crop_min"],
        random_gray_scale=0.2,
        gaussian_blur=0.0,
        hf_prob=0.5,
        normalize={"mean": recipe["mean"], "std": recipe["std"]},
    )


def rate(recipe, step):
    """The learning rate of a step from 0: linear warm-up, then half a cosine to 0."""
    warmup, total = recipe["warmup_steps"], recipe["steps"]
    if step < warmup:
        return recipe["lr"] * (step + 1) / warmup
    return recipe["lr"] * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup))) / 2


def epochs(loader):
    while True:
        yield from loader


def train(recipe, loaders):
    """The trained backbone and the run's figures."""
    torch.manual_seed(recipe["seed"])
    backbone = scaled_resnet(18, recipe["width"], cifar=True)
    head = SimCLRProjectionHead(backbone.feature_width, recipe["hidden"], recipe["out"])
    head.layers[-1].bias.requires_grad_(False)
    model = torch.nn.Sequential(backbone, head).to(memory_format=torch.channels_last)
    criterion = NTXentLoss(temperature=recipe["temperature"])
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0, momentum=0.9, weight_decay=recipe["weight_decay"])
    pixels, _ = load(recipe["data"])
    loader = torch.utils.data.DataLoader(
        Views(pixels, transform_of(recipe)), recipe["batch"], shuffle=True, drop_last=True, num_workers=loaders,
        persistent_workers=loaders > 0,
    )  # fmt: skip
    times, waiting, source = [time.perf_counter()], 0.0, epochs(loader)
    for step in range(recipe["steps"]):
        views = next(source)
        waiting += time.perf_counter() - times[-1]
        optimizer.param_groups[0]["lr"] = rate(recipe, step)
        z = model(torch.cat(views).contiguous(memory_format=torch.channels_last))
        loss = criterion(*z.chunk(2))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter())
        if step % 50 == 49:
            print(f"step {step + 1} of {recipe['steps']}, loss {loss.item():.4f}", file=sys.stderr, flush=True)
    durations = [end - start for start, end in zip(times, times[1:])]
    return backbone, {
        "seconds": times[-1] - times[0],
        "images_per_second": recipe["batch"] / statistics.median(durations),
        "loss": loss.item(),
        "waiting": waiting,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    backbone, figures = train(json.loads(options.recipe.read_text()), options.loaders)
    torch.save(backbone.state_dict(), options.out / "backbone.pt")
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
