"""Checks `murmur loss` and `murmur export` against PyTorch and torchvision, on inputs drawn anew each time.

    python3 scripts/check_against_pytorch.py --murmur .build/release/murmur [--seed S]

Every case prints one line; the seed is printed so that a failing run can be repeated.
"""

import argparse
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch

DTYPES = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}


def write_safetensors(path, tensors):
    """Writes {name: numpy array} in the safetensors format."""
    header, blobs, offset = {}, [], 0
    names = {numpy.dtype(v).str: k for k, v in DTYPES.items()}
    for name, array in tensors.items():
        blob = numpy.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": names[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_safetensors(path):
    """Reads a safetensors file to {name: torch tensor}."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        array = numpy.frombuffer(data[start:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


def nt_xent(z1, z2, temperature):
    """NT-Xent (Chen et al. 2020, equation 1), averaged over the 2N anchors."""
    z = torch.nn.functional.normalize(torch.cat([z1, z2]), dim=1)
    similarity = z @ z.T / temperature
    similarity = similarity.masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf"))
    count = len(z1)
    positives = torch.cat([torch.arange(count, 2 * count), torch.arange(count)])
    return torch.nn.functional.cross_entropy(similarity, positives)


def relative(ours, reference):
    """The largest deviation, in units of the reference's largest entry."""
    return ((ours.double() - reference).abs().max() / reference.abs().max().clamp(min=1e-30)).item()


def check_simclr(murmur, workers, count, width, temperature, dtype, scratch):
    z1, z2 = (torch.randn(count, width, dtype=dtype) * random.uniform(0.3, 30) for _ in range(2))
    source, target = scratch / "views.safetensors", scratch / "gradients.safetensors"
    write_safetensors(source, {"z1": z1.numpy(), "z2": z2.numpy()})
    command = [murmur, "loss", "simclr", "--in", source, "--workers", workers, f"temperature={temperature}"]
    output = subprocess.run(
        [str(word) for word in command + ["--out", target]], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    word, value = output.strip().splitlines()[-1].split()
    assert word == "loss", output
    leaves = [z.double().requires_grad_() for z in (z1, z2)]
    expected = nt_xent(*leaves, temperature)
    expected.backward()
    ours = read_safetensors(target)
    errors = [abs(float(value) - expected.item()) / max(abs(expected.item()), 1e-30)]
    errors += [relative(ours[f"grad_z{i + 1}"], leaf.grad) for i, leaf in enumerate(leaves)]
    return max(errors)


def check_export(murmur, scratch, name, depth, width, form):
    """Trains one step on random images, exports, and loads into torchvision with strict=True."""
    import torchvision
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
    block = torchvision.models.resnet.BasicBlock if depth < 50 else torchvision.models.resnet.Bottleneck
    layers = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}[depth]
    model = scaled_resnet(block, layers, width, form == "cifar")
    model.load_state_dict(read_safetensors(exported), strict=True)
    model.eval()
    # The evaluation transform of `embed` on 40 × 40 images at size 32 is checked through the features themselves.
    assert read_safetensors(features)["features"].shape == (8, model.feature_width)


def scaled_resnet(block, layers, width, cifar):
    """torchvision's ResNet with all widths scaled and without its classifier."""
    from torchvision.models.resnet import ResNet

    class Scaled(ResNet):
        def __init__(self):
            super().__init__(block, layers)
            planes = [round(p * width) for p in (64, 128, 256, 512)]
            self.inplanes = planes[0]
            self.conv1 = torch.nn.Conv2d(3, planes[0], 3 if cifar else 7, 1 if cifar else 2, 1 if cifar else 3, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(planes[0])
            for index, count in enumerate(layers):
                layer = self._make_layer(block, planes[index], count, stride=1 if index == 0 else 2)
                setattr(self, f"layer{index + 1}", layer)
            self.fc = torch.nn.Identity()
            self.feature_width = planes[3] * block.expansion

    return Scaled()


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
        for workers in (1, 2, 3, 4):
            for count in (random.randrange(4, 40) * 2, random.randrange(4, 40) * 2 + 1):
                for temperature in (0.05, round(random.uniform(0.06, 0.9), 3), 1.0):
                    width, dtype = random.randrange(2, 130), random.choice([torch.float32, torch.float64])
                    error = check_simclr(options.murmur, workers, count, width, temperature, dtype, scratch)
                    verdict = "ok" if error <= 1e-5 else "WRONG"
                    failures += error > 1e-5
                    print(f"simclr W={workers} N={count} D={width} τ={temperature} {dtype}: {error:.1e} {verdict}")
        for depth, width, form in ((18, 1.0, "imagenet"), (34, 0.25, "cifar"), (50, 0.5, "imagenet")):
            check_export(options.murmur, scratch, f"resnet{depth}-{form}", depth, width, form)
            print(f"export resnet{depth} width {width} {form}: loads strictly into torchvision")
    print(f"{failures} wrong")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
