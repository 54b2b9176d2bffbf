#pragma once
#include <stdint.h>

#include "every_processor.h"

// AVX-512 brings fused multiply-add, which rounds once where the others round twice: all must give the same bits.
#pragma STDC FP_CONTRACT OFF

// A message's bytes may begin anywhere.
typedef float float_any __attribute__((aligned(1)));
typedef double double_any __attribute__((aligned(1)));
typedef int32_t int32_any __attribute__((aligned(1)));
typedef int64_t int64_any __attribute__((aligned(1)));
typedef uint16_t uint16_any __attribute__((aligned(1)));

static inline uint32_t bits_of(float value) {
    union { float value; uint32_t bits; } both = {value};
    return both.bits;
}

static inline float float_of(uint32_t bits) {
    union { uint32_t bits; float value; } both = {bits};
    return both.value;
}

/// The value, or the one quiet NaN for any NaN.
static inline float one_nan(float value) {
    return value == value ? value : __builtin_nanf("");
}
