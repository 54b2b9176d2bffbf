"""What the scripts share about PyTorch: safetensors files, and torchvision's ResNet in our shapes."""

import json
import struct
from pathlib import Path

import numpy
import torch
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

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


BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}


def scaled_resnet(depth, width=1.0, cifar=False):
    """torchvision's ResNet with all widths scaled and without its classifier; in CIFAR form with a 3×3 convolution and no
    pooling at the start. Weights are drawn as torchvision draws its own."""

    class Scaled(ResNet):
        def __init__(self, block, layers):
            super().__init__(block, layers)
            planes = [round(p * width) for p in (64, 128, 256, 512)]
            self.inplanes = planes[0]
            self.conv1 = torch.nn.Conv2d(3, planes[0], 3 if cifar else 7, 1 if cifar else 2, 1 if cifar else 3, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(planes[0])
            if cifar:
                self.maxpool = torch.nn.Identity()
            for index, count in enumerate(layers):
                layer = self._make_layer(block, planes[index], count, stride=1 if index == 0 else 2)
                setattr(self, f"layer{index + 1}", layer)
            self.fc = torch.nn.Identity()
            self.feature_width = planes[3] * block.expansion
            for module in self.modules():
                if isinstance(module, torch.nn.Conv2d):
                    torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    return Scaled(BasicBlock if depth < 50 else Bottleneck, BLOCKS[depth])
