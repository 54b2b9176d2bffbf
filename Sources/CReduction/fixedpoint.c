#include "fixedpoint.h"

#include "every_processor.h"

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

INTO_EACH int32_t next_exponent(int32_t magnitude, int32_t before, fixedpoint_rule rule) {
    // The smallest one that fits: the difference of magnitudes in whole exponents, rounded up (>> rounds down).
    int32_t above = magnitude - (float_bits){.value = (float)rule.limit}.bits;
    int32_t exponent = ((above + (1 << 23) - 1) >> 23) + rule.headroom;
    exponent = exponent < FIXEDPOINT_FINEST ? FIXEDPOINT_FINEST : exponent;
    exponent = exponent > FIXEDPOINT_COARSEST ? FIXEDPOINT_COARSEST : exponent;
    return magnitude == 0 || magnitude >= FIXEDPOINT_NONFINITE ? before : exponent;
}

int32_t fixedpoint_exponent(int32_t magnitude, int32_t before, fixedpoint_rule rule) {
    return next_exponent(magnitude, before, rule);
}

FOR_EACH_PROCESSOR
void fixedpoint_advance(int32_t *exponents, const int32_t *magnitudes, size_t count, fixedpoint_rule rule) {
    VECTORISE
    for (size_t i = 0; i < count; i++) exponents[i] = next_exponent(magnitudes[i], exponents[i], rule);
}

// A sum of words mixed each with its place: without a chain from one to the next. The mixing is MurmurHash3's last step
// (Appleby 2011).
FOR_EACH_PROCESSOR
uint32_t fixedpoint_digest(const int32_t *exponents, size_t count) {
    uint32_t digest = 0;
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        uint32_t word = (uint32_t)exponents[i] + (uint32_t)i * 0x9e3779b9u;
        word = (word ^ word >> 16) * 0x85ebca6bu;
        word = (word ^ word >> 13) * 0xc2b2ae35u;
        digest += word ^ word >> 16;
    }
    return digest;
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

// Where it is known that none of them is beyond the limit. Compilers make one instruction of rounding and conversion.
INTO_EACH uint32_t quantised_within(float value, float scale) {
    return (uint32_t)(int32_t)__builtin_rintf(value * scale);
}

INTO_EACH int32_t largest_magnitude(const float *values, size_t count) {
    int32_t largest = 0;
    VECTORISE
    for (size_t i = 0; i < count; i++) largest = larger(largest, magnitude_of(values[i]));
    return largest;
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

INTO_EACH void read(word *values, const uint32_t *sums, size_t count, float quantum) {
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        values[i] = (float_bits){.value = (float)(int32_t)sums[i] * quantum}.bits;
    }
}

FOR_EACH_PROCESSOR
int32_t fixedpoint_magnitude(const float *values, size_t count) {
    return largest_magnitude(values, count);
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

INTO_EACH float sum_of(float left, float right, float scale, float quantum) {
    return (float)(int32_t)(quantised_within(left, scale) + quantised_within(right, scale)) * quantum;
}

// While results are written, a block to come is fetched: otherwise memory would rest. Into the second-level cache, which
// is quicker than into the first; with two addends the one after the next, since the next one's turn comes too soon.
INTO_EACH void fetch(const float *place) {
    __builtin_prefetch(place, 0, 2);
}

// Two addends, from cache to cache.
INTO_EACH void sum_two(float *restrict left, float *restrict right, size_t count, float scale, float quantum) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        fetch(left + i + 2 * FIXEDPOINT_BLOCK);
        fetch(right + i + 2 * FIXEDPOINT_BLOCK);
        for (size_t j = i; j < i + 16; j++) left[j] = right[j] = sum_of(left[j], right[j], scale, quantum);
    }
    for (; i < count; i++) left[i] = right[i] = sum_of(left[i], right[i], scale, quantum);
}

INTO_EACH void read_and_fetch(float *restrict values, const uint32_t *restrict sums, size_t count, float quantum) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        fetch(values + i + FIXEDPOINT_BLOCK);
        for (size_t j = i; j < i + 16; j++) values[j] = (float)(int32_t)sums[j] * quantum;
    }
    for (; i < count; i++) values[i] = (float)(int32_t)sums[i] * quantum;
}

INTO_EACH void sum_all(float *const *buffers, size_t ranks, size_t offset, size_t count, float scale, float quantum) {
    uint32_t sums[FIXEDPOINT_BLOCK];
    size_t rank = 0;
    if (ranks & 1) {
        const float *values = buffers[rank++] + offset;
        VECTORISE
        for (size_t i = 0; i < count; i++) sums[i] = quantised_within(values[i], scale);
    } else {
        const float *left = buffers[rank++] + offset, *right = buffers[rank++] + offset;
        VECTORISE
        for (size_t i = 0; i < count; i++) {
            sums[i] = quantised_within(left[i], scale) + quantised_within(right[i], scale);
        }
    }
    for (; rank < ranks; rank += 2) {
        const float *left = buffers[rank] + offset, *right = buffers[rank + 1] + offset;
        VECTORISE
        for (size_t i = 0; i < count; i++) {
            sums[i] += quantised_within(left[i], scale) + quantised_within(right[i], scale);
        }
    }
    for (rank = 0; rank < ranks; rank++) read_and_fetch(buffers[rank] + offset, sums, count, quantum);
}

FOR_EACH_PROCESSOR
void fixedpoint_sum_float(
    float *const *buffers, size_t ranks, size_t offset, size_t count, const int32_t *exponents, fixedpoint_rule rule,
    int32_t *magnitudes) {
    for (size_t end = offset + count; offset < end; offset += FIXEDPOINT_BLOCK) {
        size_t here = end - offset < FIXEDPOINT_BLOCK ? end - offset : FIXEDPOINT_BLOCK;
        size_t block = offset / FIXEDPOINT_BLOCK;
        int32_t largest = 0;
        for (size_t rank = 0; rank < ranks; rank++) {
            largest = larger(largest, largest_magnitude(buffers[rank] + offset, here));
        }
        magnitudes[block] = largest;
        // The block is in the cache now.
        int32_t exponent = fixedpoint_exponent_used(largest, exponents[block], rule);
        if (largest >= FIXEDPOINT_NONFINITE) {
            for (size_t rank = 0; rank < ranks; rank++) {
                for (size_t i = 0; i < here; i++) buffers[rank][offset + i] = __builtin_nanf("");
            }
        } else if (ranks == 2) {
            sum_two(
                buffers[0] + offset, buffers[1] + offset, here, power_of_two(exponent, -1), power_of_two(exponent, 1));
        } else {
            sum_all(buffers, ranks, offset, here, power_of_two(exponent, -1), power_of_two(exponent, 1));
        }
    }
}
