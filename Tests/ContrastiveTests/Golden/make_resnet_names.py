"""Writes the names and shapes of torchvision's ResNets: one line per convolution, and one per batch normalisation
(its weight, bias, running_mean and running_var have the channels' shape, num_batches_tracked has none)."""

import pathlib

from formulas import resnet

CASES = [
    (18, "imagenet", 1, 3),
    (34, "imagenet", 1, 3),
    (50, "imagenet", 1, 3),
    (101, "imagenet", 1, 3),
    (18, "cifar", 0.25, 1),
    (50, "cifar", 0.25, 3),
    (50, "imagenet", 0.3, 3),
]
NORM = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]

lines = []
for depth, form, width, channels in CASES:
    lines.append(f"# {depth} {form} {width} {channels}")
    entries = list(resnet(depth, form, width, channels).state_dict().items())
    while entries:
        name, tensor = entries[0]
        if tensor.dim() == 4:
            lines.append(f"{name} {'x'.join(map(str, tensor.shape))}")
            del entries[0]
        else:
            prefix = name.rsplit(".", 1)[0]
            assert [entry[0] for entry in entries[:5]] == [f"{prefix}.{part}" for part in NORM]
            assert all(entry[1].shape == tensor.shape for entry in entries[:4]) and entries[4][1].dim() == 0
            lines.append(f"{prefix} norm {tensor.shape[0]}")
            del entries[:5]
pathlib.Path(__file__).with_name("resnet_names.txt").write_text("\n".join(lines) + "\n")
