"""Draws docs/methods/ntxent-temperature.svg: what becomes of NT-Xent's gradient as its temperature goes to 0.

    python3 scripts/plots/ntxent_temperature.py [--murmur .build/release/murmur] [--out FILE]

Everything drawn is measured through `murmur loss` on one set of random embeddings, at each temperature of a grid:

- how much of the gradient over negatives lies on pairs of an embedding and its nearest negative. `murmur loss` gives the
  gradient of the embeddings; that of the similarities follows by solving a linear system, since more dimensions than
  embeddings make these independent;
- the cosine of NT-Xent's gradient and that of the triplet loss with the hardest negative and margin 0.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parents[1]))
from pytorch_reference import read_safetensors, write_safetensors  # noqa: E402

IMAGES, WIDTH, SEED = 64, 160, 1
TEMPERATURES = numpy.geomspace(0.003, 10, 25)


def embeddings():
    """Unit vectors, first views and then second ones. Some images' views are farther apart than their nearest negative."""
    generator = numpy.random.default_rng(SEED)
    first = generator.standard_normal((IMAGES, WIDTH))
    second = 0.3 * first + generator.standard_normal((IMAGES, WIDTH))
    rows = numpy.concatenate([first, second])
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def gradient(murmur, rows, *words):
    """The gradient of a loss over all embeddings, [2N, D]."""
    with tempfile.TemporaryDirectory() as folder:
        write_safetensors(f"{folder}/in", {"z1": rows[:IMAGES], "z2": rows[IMAGES:]})
        command = [murmur, "loss", *words, "--in", f"{folder}/in", "--out", f"{folder}/out"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        gradients = read_safetensors(f"{folder}/out")
    return numpy.concatenate([gradients[name].double().numpy() for name in ("grad_z1", "grad_z2")])


def share_of_nearest(rows, gradients, nearest):
    """Row a of the gradient is Σ_k m(a, k)·row k, with m the pairs' part of it and a's own row taken out."""
    pairs = numpy.abs(numpy.linalg.lstsq(rows.T, gradients.T, rcond=None)[0].T)
    pairs[~negatives(len(rows))] = 0
    return pairs[nearest].sum() / pairs.sum()


def negatives(count):
    own = numpy.arange(count) % IMAGES
    return own[:, None] != own[None, :]


def nearest_pairs(rows):
    """[2N, 2N], whether either of the two is the other's nearest negative."""
    similarities = numpy.where(negatives(len(rows)), rows @ rows.T, -numpy.inf)
    result = numpy.zeros(similarities.shape, bool)
    result[numpy.arange(len(rows)), similarities.argmax(axis=1)] = True
    return result | result.T


def cosine(a, b):
    return (a * b).sum() / numpy.linalg.norm(a) / numpy.linalg.norm(b)


def svg(curves):
    left, top, width, height = 60, 30, 560, 300
    low, high = numpy.log10(TEMPERATURES[[0, -1]])

    def x(temperature):
        return left + (numpy.log10(temperature) - low) / (high - low) * width

    def y(value):
        return top + (1 - value) * height

    lines = []
    for value in (0, 0.25, 0.5, 0.75, 1):
        lines.append(f'<path d="M{left} {y(value):.1f}h{width}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for temperature in (0.01, 0.1, 0.5, 1, 10):
        lines.append(f'<path d="M{x(temperature):.1f} {top}v{height}" stroke="#ddd"/>')
        lines.append(f'<text x="{x(temperature):.1f}" y="{top + height + 18}" text-anchor="middle">{temperature:g}</text>')
    lines.append(f'<text x="{left + width / 2}" y="{top + height + 38}" text-anchor="middle">temperature τ</text>')
    for index, (label, color, values) in enumerate(curves):
        points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in zip(TEMPERATURES, values))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        lines += [f'<circle cx="{x(t):.1f}" cy="{y(v):.1f}" r="2.5" fill="{color}"/>' for t, v in zip(TEMPERATURES, values)]
        row = top + height + 62 + 18 * index
        lines.append(f'<path d="M{left} {row - 4}h24" stroke="{color}" stroke-width="2"/>')
        lines.append(f'<text x="{left + 32}" y="{row}">{label}</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 650 420" font-family="sans-serif" font-size="12">\n'
        '<rect width="650" height="420" fill="#fff"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser()
    parser.add_argument("--murmur", default=root / ".build/release/murmur")
    parser.add_argument("--out", default=root / "docs/methods/ntxent-temperature.svg")
    options = parser.parse_args()

    rows = embeddings()
    nearest = nearest_pairs(rows)
    print(f"{nearest.sum() // 2} of {negatives(len(rows)).sum() // 2} pairs of negatives are nearest ones")
    triplet = gradient(options.murmur, rows, "triplet", "distance=cosine", "mining=hard", "margin=0")
    shares, cosines = [], []
    for temperature in TEMPERATURES:
        own = gradient(options.murmur, rows, "simclr", f"temperature={temperature}")
        shares.append(share_of_nearest(rows, own, nearest))
        cosines.append(cosine(own, triplet))
        print(f"τ {temperature:8.4f}  on nearest negatives {shares[-1]:.3f}  cosine with the triplet's {cosines[-1]:.4f}")
    Path(options.out).write_text(
        svg([
            ("share of the gradient over negatives that lies on nearest ones", "#b3261e", shares),
            ("cosine with the gradient of the triplet loss (hardest negative, margin 0)", "#1a5fb4", cosines),
        ]))


if __name__ == "__main__":
    main()
