#include "compression.h"

#include <float.h>
#include <string.h>

#include "halves.h"
#include "kernels.h"

#define VECTORIZED _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

#define CONVERSION(NAME, TO, FROM, FUNCTION)                                                    \
    FOR_EACH_PROCESSOR                                                                          \
    void NAME(void *out_, const void *in_, size_t count) {                                      \
        TO##_any *out = out_;                                                                   \
        const FROM##_any *in = in_;                                                             \
        VECTORIZED                                                                              \
        for (size_t i = 0; i < count; i++) out[i] = FUNCTION(in[i]);                            \
    }

CONVERSION(compression_to_float16, uint16, float, float16_from_float)
CONVERSION(compression_to_bfloat16, uint16, float, bfloat16_from_float)
CONVERSION(compression_from_float16, float, uint16, float_from_float16)
CONVERSION(compression_from_bfloat16, float, uint16, float_from_bfloat16)

static inline uint32_t magnitude(float value) {
    return bits_of(value) & 0x7fffffff;
}

static const uint32_t infinite = 0x7f800000;

static inline float finite_or_zero(float value) {
    return magnitude(value) < infinite ? value : 0;
}

CONVERSION(compression_keep_finite, float, float, finite_or_zero)

FOR_EACH_PROCESSOR
void compression_add(void *values_, const void *addend_, size_t count) {
    float_any *values = values_;
    const float_any *addend = addend_;
    VECTORIZED
    for (size_t i = 0; i < count; i++) values[i] = one_nan(values[i] + addend[i]);
}

/// As bits, which are ordered like the magnitudes, with NaNs above infinities.
static inline uint32_t largest_magnitude(const float_any *values, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = magnitude(values[i]);
        largest = bits > largest ? bits : largest;
    }
    return largest;
}

FOR_EACH_PROCESSOR
int compression_all_finite(const void *values, size_t count) {
    return largest_magnitude(values, count) < infinite;
}

static inline size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

FOR_EACH_PROCESSOR
void compression_quantise(void *scales_, int8_t *codes, const void *values_, size_t count) {
    float_any *scales = scales_;
    const float_any *values = values_;
    // Added and subtracted, it rounds numbers below 2^22 to the nearest integer.
    const float rounder = 0x1.8p23f;
    for (size_t start = 0; start < count; start += COMPRESSION_BLOCK) {
        size_t length = smaller(COMPRESSION_BLOCK, count - start);
        uint32_t largest = largest_magnitude(values + start, length);
        float scale = float_of(largest) / 127.0f;
        int codable = largest < infinite && scale >= FLT_MIN;
        scales[start / COMPRESSION_BLOCK] = largest >= infinite ? __builtin_nanf("") : codable ? scale : 0;
        if (!codable) {
            memset(codes + start, 0, length);
            continue;
        }
        VECTORIZED
        for (size_t i = start; i < start + length; i++) {
            codes[i] = (int8_t)(int32_t)(values[i] / scale + rounder - rounder);
        }
    }
}

#define BLOCKWISE(LEFT, EXPRESSION)                                                             \
    for (size_t start = 0; start < count; start += COMPRESSION_BLOCK) {                         \
        size_t end = start + smaller(COMPRESSION_BLOCK, count - start);                         \
        float scale = scales[start / COMPRESSION_BLOCK];                                        \
        VECTORIZED                                                                              \
        for (size_t i = start; i < end; i++) {                                                  \
            float decoded = (float)codes[i] * scale;                                            \
            LEFT[i] = EXPRESSION;                                                               \
        }                                                                                       \
    }

FOR_EACH_PROCESSOR
void compression_dequantise(void *values_, const void *scales_, const int8_t *codes, size_t count) {
    float_any *values = values_;
    const float_any *scales = scales_;
    BLOCKWISE(values, one_nan(decoded))
}

FOR_EACH_PROCESSOR
void compression_dequantise_add(void *values_, const void *scales_, const int8_t *codes, size_t count) {
    float_any *values = values_;
    const float_any *scales = scales_;
    BLOCKWISE(values, one_nan(values[i] + decoded))
}

FOR_EACH_PROCESSOR
void compression_quantisation_error(
    void *residual_, const void *values_, const void *scales_, const int8_t *codes, size_t count) {
    float_any *residual = residual_;
    const float_any *values = values_, *scales = scales_;
    BLOCKWISE(residual, finite_or_zero(values[i] - decoded))
}

/// The magnitude, as bits, of the value that is `kept`-th largest, and in `ties` how many of exactly that are kept.
///
/// By the bits from the highest down, 11, 11 and 9 at a time: each pass counts the values that agree with what is known.
static uint32_t threshold(const float_any *values, size_t count, size_t kept, size_t *ties) {
    uint32_t known = 0, mask = 0;
    const int shifts[] = {20, 9, 0}, widths[] = {11, 11, 9};
    for (int pass = 0; pass < 3; pass++) {
        uint32_t counts[1 << 11] = {0}, low = (1u << widths[pass]) - 1;
        for (size_t i = 0; i < count; i++) {
            uint32_t bits = magnitude(values[i]);
            counts[bits >> shifts[pass] & low] += (bits & mask) == known;
        }
        uint32_t digit = low;
        while (digit > 0 && counts[digit] < kept) kept -= counts[digit--];
        known |= digit << shifts[pass];
        mask |= low << shifts[pass];
    }
    *ties = kept;
    return known;
}

void compression_select_largest(
    int32_t *indices, void *selected_, const void *values_, size_t count, size_t kept) {
    float_any *selected = selected_;
    const float_any *values = values_;
    if (kept == 0) return;
    size_t ties;
    uint32_t least = threshold(values, count, kept, &ties);
    size_t found = 0;
    for (size_t i = 0; i < count && found < kept; i++) {
        uint32_t bits = magnitude(values[i]);
        if (bits < least || (bits == least && ties == 0)) continue;
        if (bits == least) ties--;
        indices[found] = (int32_t)i;
        selected[found++] = values[i];
    }
}

void compression_scatter_add(float *values, const int32_t *indices, const void *addends_, size_t kept) {
    const float_any *addends = addends_;
    for (size_t i = 0; i < kept; i++) values[indices[i]] = one_nan(values[indices[i]] + addends[i]);
}
