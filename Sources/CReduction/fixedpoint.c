#include "fixedpoint.h"

#include <string.h>

#include "every_processor.h"

// The helpers are compiled into each processor's kernels.
#define INTO_EACH static inline __attribute__((always_inline))

// Iterations are independent also where the output is the input's own memory.
#define VECTORISE _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

typedef union { float value; int32_t bits; } float_bits;

// The memory of floats or of integers.
typedef int32_t word __attribute__((may_alias));

// Zero of an unknown exponent, which makes everything zero.
INTO_EACH float power_of_two(int32_t exponent, int sign) {
    return exponent == FIXEDPOINT_UNKNOWN ? 0 : (float_bits){.bits = (sign * exponent + 127) << 23}.value;
}

int32_t fixedpoint_fits(int32_t magnitude, int32_t exponent, fixedpoint_rule rule) {
    if (exponent == FIXEDPOINT_UNKNOWN) return magnitude == 0;
    // A float's exponent field counts in steps of 2^23, so this is the magnitude of limit · 2^exponent.
    int64_t largest = (int64_t)(float_bits){.value = (float)rule.limit}.bits + (int64_t)exponent * (1 << 23);
    return magnitude < FIXEDPOINT_NONFINITE && magnitude <= largest;
}

int32_t fixedpoint_exponent(int32_t magnitude, int32_t before, fixedpoint_rule rule) {
    if (magnitude == 0 || magnitude >= FIXEDPOINT_NONFINITE) return before;
    // The smallest one that fits: the difference of magnitudes in whole exponents, rounded up (>> rounds down).
    int32_t above = magnitude - (float_bits){.value = (float)rule.limit}.bits;
    int32_t exponent = ((above + (1 << 23) - 1) >> 23) + rule.headroom;
    return exponent < FIXEDPOINT_FINEST ? FIXEDPOINT_FINEST
        : exponent > FIXEDPOINT_COARSEST ? FIXEDPOINT_COARSEST : exponent;
}

int32_t fixedpoint_exponent_used(int32_t magnitude, int32_t before, fixedpoint_rule rule) {
    return fixedpoint_fits(magnitude, before, rule) ? before : fixedpoint_exponent(magnitude, before, rule);
}

INTO_EACH int32_t magnitude_of(float value) {
    return (float_bits){.value = value}.bits & INT32_MAX;
}

INTO_EACH int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

// Clamped first, since C does not say what the integer of a larger float or of a NaN is. Rounding and conversion become
// one instruction, also of SSE2.
INTO_EACH uint32_t quantised(float value, float scale, float limit) {
    float x = value * scale;
    x = x > -limit ? x : -limit;
    x = x < limit ? x : limit;
    return (uint32_t)(int32_t)__builtin_rintf(x);
}

INTO_EACH int32_t add(uint32_t *sums, const float *values, size_t count, float scale, float limit) {
    int32_t largest = 0;
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        largest = larger(largest, magnitude_of(values[i]));
        sums[i] += quantised(values[i], scale, limit);
    }
    return largest;
}

INTO_EACH int32_t sum_of_two(
    uint32_t *sums, const float *left, const float *right, size_t count, float scale, float limit) {
    int32_t largest = 0;
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        largest = larger(largest, larger(magnitude_of(left[i]), magnitude_of(right[i])));
        sums[i] = quantised(left[i], scale, limit) + quantised(right[i], scale, limit);
    }
    return largest;
}

INTO_EACH void read(word *values, const uint32_t *sums, size_t count, float quantum) {
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        values[i] = (float_bits){.value = (float)(int32_t)sums[i] * quantum}.bits;
    }
}

// While results are written, the next block is fetched: otherwise memory would rest.
INTO_EACH void read_two(
    float *restrict left, float *restrict right, const uint32_t *restrict sums, size_t count, float quantum) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __builtin_prefetch(left + i + FIXEDPOINT_BLOCK, 1);
        __builtin_prefetch(right + i + FIXEDPOINT_BLOCK, 1);
        for (size_t j = i; j < i + 16; j++) left[j] = right[j] = (float)(int32_t)sums[j] * quantum;
    }
    for (; i < count; i++) left[i] = right[i] = (float)(int32_t)sums[i] * quantum;
}

FOR_EACH_PROCESSOR
int32_t fixedpoint_magnitude(const float *values, size_t count) {
    int32_t largest = 0;
    VECTORISE
    for (size_t i = 0; i < count; i++) largest = larger(largest, magnitude_of(values[i]));
    return largest;
}

FOR_EACH_PROCESSOR
int32_t fixedpoint_add(int32_t *sums, const float *values, size_t count, int32_t exponent, fixedpoint_rule rule) {
    return add((uint32_t *)sums, values, count, power_of_two(exponent, -1), (float)rule.limit);
}

FOR_EACH_PROCESSOR
void fixedpoint_quantise(void *values, size_t count, int32_t exponent, fixedpoint_rule rule) {
    word *words = values;
    float scale = power_of_two(exponent, -1), limit = (float)rule.limit;
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        words[i] = (int32_t)quantised((float_bits){.bits = words[i]}.value, scale, limit);
    }
}

FOR_EACH_PROCESSOR
void fixedpoint_read(void *values, const int32_t *sums, size_t count, int32_t exponent) {
    read(values, (const uint32_t *)sums, count, power_of_two(exponent, 1));
}

// Adds up a block of all buffers and returns the largest magnitude.
INTO_EACH int32_t sum_block(
    uint32_t *sums, float *const *buffers, size_t ranks, size_t offset, size_t count, float scale, float limit) {
    int32_t largest = 0;
    size_t rank = 0;
    if (ranks >= 2) {
        largest = sum_of_two(sums, buffers[0] + offset, buffers[1] + offset, count, scale, limit);
        rank = 2;
    } else {
        memset(sums, 0, count * sizeof *sums);
    }
    for (; rank < ranks; rank++) largest = larger(largest, add(sums, buffers[rank] + offset, count, scale, limit));
    return largest;
}

FOR_EACH_PROCESSOR
void fixedpoint_sum_float(
    float *const *buffers, size_t ranks, size_t offset, size_t count, const int32_t *exponents, fixedpoint_rule rule,
    int32_t *magnitudes) {
    uint32_t sums[FIXEDPOINT_BLOCK];
    float limit = (float)rule.limit;
    for (size_t end = offset + count; offset < end; offset += FIXEDPOINT_BLOCK) {
        size_t here = end - offset < FIXEDPOINT_BLOCK ? end - offset : FIXEDPOINT_BLOCK;
        size_t block = offset / FIXEDPOINT_BLOCK;
        int32_t exponent = exponents[block];
        int32_t largest = sum_block(sums, buffers, ranks, offset, here, power_of_two(exponent, -1), limit);
        magnitudes[block] = largest;
        if (!fixedpoint_fits(largest, exponent, rule) && largest < FIXEDPOINT_NONFINITE) {
            // The block is in the cache now, and not yet overwritten.
            exponent = fixedpoint_exponent(largest, exponent, rule);
            sum_block(sums, buffers, ranks, offset, here, power_of_two(exponent, -1), limit);
        }
        // A NaN as the quantum makes every element the one quiet NaN.
        float quantum = largest < FIXEDPOINT_NONFINITE ? power_of_two(exponent, 1) : __builtin_nanf("");
        size_t rank = 0;
        if (ranks >= 2) {
            read_two(buffers[0] + offset, buffers[1] + offset, sums, here, quantum);
            rank = 2;
        }
        for (; rank < ranks; rank++) read((word *)(buffers[rank] + offset), sums, here, quantum);
    }
}
