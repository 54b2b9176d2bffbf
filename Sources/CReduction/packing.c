#include "packing.h"

#include <stdint.h>

#include "every_processor.h"

// Products with a power of two are exact, so that a fused addition would give the same bits; this is not to rest on that.
#pragma STDC FP_CONTRACT OFF

typedef union { double value; uint64_t bits; } double_bits;

// Without alignment, and of whatever type the memory is.
typedef double any_double __attribute__((may_alias, aligned(1)));
typedef float any_float __attribute__((may_alias, aligned(1)));
typedef uint32_t any_low __attribute__((may_alias, aligned(1)));
typedef uint16_t any_half __attribute__((may_alias, aligned(1)));
typedef uint8_t any_byte __attribute__((may_alias, aligned(1)));

// 1.5 · 2^52: added to an integer below 2^51 it leaves that integer, in two's complement, in the low bits of the sum. Its
// own low 51 bits are zero. The compiler may not reorder this: the target is built without fast-math.
#define MAGIC 0x1.8p52

INTO_EACH uint64_t bits_of(double value) {
    return (double_bits){.value = value}.bits;
}

INTO_EACH double double_of(uint64_t bits) {
    return (double_bits){.bits = bits}.value;
}

FOR_EACH_PROCESSOR
size_t packing_width(const void *values, size_t count, double per_quantum) {
    const any_double *from = values;
    // The bits that are set in any multiple, or in the complement of a negative one.
    uint64_t used = 0, inexact = 0;
    VECTORISE
    for (size_t i = 0; i < count; i++) {
        double multiple = from[i] * per_quantum, shifted = multiple + MAGIC;
        // From 2^51 on, and of infinities and NaNs, the exponent differs, and with it bits far above those of a width.
        int64_t integer = (int64_t)(bits_of(shifted) - bits_of(MAGIC));
        used |= (uint64_t)(integer ^ integer >> 63);
        // Also of a negative zero, whose sign would be lost.
        inexact |= bits_of(shifted - MAGIC) ^ bits_of(multiple);
    }
    if (inexact) return PACKING_NONE;
    if (used < UINT64_C(1) << 31) return 4;
    if (used < UINT64_C(1) << 39) return 5;
    return used < UINT64_C(1) << 47 ? 6 : PACKING_NONE;
}

FOR_EACH_PROCESSOR
void packing_pack(void *packed, const void *values, size_t count, double per_quantum, size_t width) {
    const any_double *from = values;
    any_low *low = packed;
    any_byte *bytes = (any_byte *)packed + 4 * count;
    any_half *halves = (any_half *)bytes;
    VECTORISE
    for (size_t i = 0; i < count; i++) low[i] = (uint32_t)bits_of(from[i] * per_quantum + MAGIC);
    if (width == 5) {
        VECTORISE
        for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(bits_of(from[i] * per_quantum + MAGIC) >> 32);
    } else if (width == 6) {
        VECTORISE
        for (size_t i = 0; i < count; i++) halves[i] = (uint16_t)(bits_of(from[i] * per_quantum + MAGIC) >> 32);
    }
}

// The double that is `multiple` quanta.
INTO_EACH double quanta(int64_t multiple, double quantum) {
    return (double_of(bits_of(MAGIC) + (uint64_t)multiple) - MAGIC) * quantum;
}

FOR_EACH_PROCESSOR
void packing_add(void *values, const void *packed, size_t count, double per_quantum, size_t width) {
    any_double *into = values;
    const any_low *low = packed;
    const any_byte *bytes = (const any_byte *)packed + 4 * count;
    const any_half *halves = (const any_half *)bytes;
    double quantum = 1 / per_quantum;
    if (width == 4) {
        VECTORISE
        for (size_t i = 0; i < count; i++) into[i] += quanta((int32_t)low[i], quantum);
    } else if (width == 5) {
        VECTORISE
        for (size_t i = 0; i < count; i++)
            into[i] += quanta((int64_t)(int8_t)bytes[i] * (INT64_C(1) << 32) + (int64_t)low[i], quantum);
    } else if (width == 6) {
        VECTORISE
        for (size_t i = 0; i < count; i++)
            into[i] += quanta((int64_t)(int16_t)halves[i] * (INT64_C(1) << 32) + (int64_t)low[i], quantum);
    }
}

FOR_EACH_PROCESSOR
void packing_round(void *values, size_t count) {
    any_double *into = values;
    VECTORISE
    for (size_t i = 0; i < count; i++) into[i] = (float)into[i];
}

FOR_EACH_PROCESSOR
void packing_pack_rounded(void *packed, const void *values, size_t count) {
    any_float *into = packed;
    const any_double *from = values;
    VECTORISE
    for (size_t i = 0; i < count; i++) into[i] = (float)from[i];
}

FOR_EACH_PROCESSOR
void packing_unpack_rounded(void *values, const void *packed, size_t count) {
    any_double *into = values;
    const any_float *from = packed;
    VECTORISE
    for (size_t i = 0; i < count; i++) into[i] = from[i];
}
