#pragma once
#include "kernels.h"

// Conversions between float32 and its two 16-bit relatives, in integers: no instruction of one processor (F16C, AVX-512
// BF16) is involved, so that all give the same bits. All NaNs become the quiet NaN without sign and payload. Branches
// are selections, so that loops vectorise.

/// IEEE binary16; exact.
static inline float float_from_float16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    uint32_t normal = (magnitude << 13) + 0x38000000;
    uint32_t subnormal = bits_of((float)(int32_t)magnitude * 0x1p-24f);
    uint32_t finite = magnitude < 0x0400 ? subnormal : normal;
    uint32_t signed_ = (magnitude < 0x7c00 ? finite : 0x7f800000) | sign;
    return float_of(magnitude > 0x7c00 ? 0x7fc00000 : signed_);
}

/// To nearest even; from 65,520 on infinite.
static inline uint16_t float16_from_float(float value) {
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
    // Floats from 0.5 on are 2^-24 apart, as are float16's subnormals: the addition rounds.
    uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000;
    uint32_t finite = magnitude < 0x38800000 ? subnormal : normal;
    uint32_t signed_ = (magnitude < 0x477ff000 ? finite : 0x7c00) | sign;
    return (uint16_t)(magnitude > 0x7f800000 ? 0x7e00 : signed_);
}

/// The upper half of a float32; exact.
static inline float float_from_bfloat16(uint16_t half) {
    return float_of((half & 0x7fff) > 0x7f80 ? 0x7fc00000 : (uint32_t)half << 16);
}

/// To nearest even.
static inline uint16_t bfloat16_from_float(float value) {
    uint32_t bits = bits_of(value);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}
