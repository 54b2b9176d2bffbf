"""Writes CompressionGolden.swift: what numpy and exact fractions make of rounding to 16 bits and of blockwise int8.

    python3 Tests/CollectivesTests/Golden/make_compression.py > Tests/CollectivesTests/Golden/CompressionGolden.swift

Shares no code with Sources/CReduction: float16 is numpy's, bfloat16 is computed with fractions, int8 with numpy's rint.
"""

import struct
from fractions import Fraction

import numpy as np

F = np.float32
NAN = 0x7FC00000


def bits(value):
    """The bits of a float32, of any NaN those of the quiet one."""
    value = F(value)
    return NAN if np.isnan(value) else struct.unpack("<I", struct.pack("<f", value))[0]


def digest(words):
    """FNV-1a over 32-bit words."""
    state = 14695981039346656037
    for word in words:
        state = (state ^ word) * 1099511628211 % 2**64
    return state


def to_bfloat16(value):
    value = F(value)
    if not np.isfinite(value):
        return value
    exact = Fraction(float(value))
    exponent = max(int(np.frexp(np.float64(value))[1]) - 1, -126) if exact else -126
    unit = Fraction(2) ** (exponent - 7)
    rounded = round(exact / unit) * unit  # ties to even
    if abs(rounded) >= Fraction(2) ** 128:
        return F(np.copysign(np.inf, value))
    return F(float(rounded))


def conversions():
    """65,536 floats spread over all bit patterns, rounded and then added to +0."""
    patterns = [(i * 0x9E3779B1 + 0x12345) % 2**32 for i in range(65536)]
    values = np.array(patterns, dtype=np.uint32).view(F)
    with np.errstate(all="ignore"):
        halves = [bits(half) for half in values.astype(np.float16).astype(F) + F(0)]
        brains = [bits(to_bfloat16(value) + F(0)) for value in values]
    return halves, brains


def gradient(rank, step, count):
    """Exact in float32; every block of 256 has another magnitude."""
    return np.array(
        [F((i * 7919 + rank * 104729 + step * 1299709) % 2003 - 1001) * F(2.0 ** (i // 256 * 3 - 10)) for i in range(count)],
        dtype=F)


def encode(values):
    """Decoded codes of every block."""
    out = np.zeros_like(values)
    for start in range(0, len(values), 256):
        block = values[start:start + 256]
        scale = np.max(np.abs(block)) / F(127)
        if scale > 0:
            out[start:start + 256] = np.rint(block / scale).astype(np.int8).astype(F) * scale
    return out


def int8(ranks, count, steps):
    """The two stages as one rank sees them all: parts are whole blocks, so that they need not be told apart."""
    own = [np.zeros(count, F) for _ in range(ranks)]
    summed = np.zeros(count, F)
    for step in range(steps):
        total = None
        for rank in range(ranks):
            values = gradient(rank, step, count) + own[rank]
            decoded = encode(values)
            own[rank] = values - decoded
            total = decoded if total is None else total + decoded
        total = total + summed
        result = encode(total)
        summed = total - result
        yield [bits(value) for value in result]


def show(name, comment, words):
    print(f"    /// {comment}")
    print(f"    static let {name}Digest: UInt64 = {digest(words):#018x}")
    print(f"    static let {name}Start: [UInt32] = [")
    for start in range(0, 16, 8):
        print("        " + " ".join(f"{word:#010x}," for word in words[start:start + 8]))
    print("    ]")


print("// Made by make_compression.py.")
print()
print("enum CompressionGolden {")
halves, brains = conversions()
show("float16", "65,536 floats rounded to float16.", halves)
show("bfloat16", "65,536 floats rounded to bfloat16.", brains)
show("int8", "Three ranks, 1,000 elements, the results of four steps one after the other.",
     [word for result in int8(3, 1000, 4) for word in result])
print("}")
