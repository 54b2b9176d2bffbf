"""Which view belongs to a seed and a path, written down a second time: Philox 4x32-10 and the table of draws in
docs/data.md. What this says must never change, or a run would not repeat after an update.
"""
import math

M32, M64 = (1 << 32) - 1, (1 << 64) - 1


def mix(x):
    """The output function of SplitMix64 for a state of x."""
    x = (x + 0x9E3779B97F4A7C15) & M64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M64
    return x ^ (x >> 31)


def philox(counter, key):
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b & M32, (a >> 32) ^ c[3] ^ k1, a & M32]
        k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
    return c


def uniforms(seed, path, count):
    """The first numbers in [0, 1) of a path."""
    key = mix(seed)
    for label in path:
        key = mix(key ^ mix((label + 0x6A09E667F3BCC909) & M64))
    words = []
    for block in range((count + 3) // 4):
        words += philox([block, 0, len(path), 0], (key & M32, key >> 32))
    return [(word >> 8) / (1 << 24) for word in words[:count]]


def crop(u, width, height, scale):
    """torchvision's RandomResizedCrop with ratios 3/4 to 4/3; the images here never need its central crop."""
    low, high = math.log(3 / 4), math.log(4 / 3)
    for attempt in range(10):
        area = width * height * (scale[0] + (scale[1] - scale[0]) * u[2 * attempt])
        ratio = math.exp(low + (high - low) * u[2 * attempt + 1])
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return [int(u[21] * (width - w + 1)), int(u[20] * (height - h + 1)), w, h]
    raise ValueError("no candidate fits")


def plan(seed, path, width, height, scale):
    """A view at SimCLR's strengths, solarised with a probability of 0.2."""
    u = uniforms(seed, path, 33)
    factors = [0.2 + 1.6 * u[i] for i in (24, 25, 26)]
    return dict(
        seed=seed, path=path, width=width, height=height, scale=scale, crop=crop(u, width, height, scale),
        flipped=u[22] < 0.5, jitter=factors + [-0.2 + 0.4 * u[27]] if u[23] < 0.8 else None, order=int(24 * u[28]),
        gray=u[29] < 0.2, sigma=0.1 + 1.9 * u[31] if u[30] < 0.5 else None, solarized=u[32] < 0.2)


def plans():
    sizes = [(32, 32, [0.08, 1]), (500, 375, [0.14, 1]), (4000, 3000, [0.05, 0.14])]
    return [
        plan(seed, [epoch, sample, view], *sizes[sample % 3])
        for seed in (0, 7) for epoch in (0, 3) for sample in (0, 1, 2, 50_000) for view in (0, 1, 5)
    ]
