#include "reduction.h"

#include "halves.h"
#include "kernels.h"

// `assume_safety`: iterations are independent also where out is left, which the compiler's own overlap check would
// send down the scalar path.
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#define KERNEL(NAME, TYPE, EXPRESSION)                                                          \
    FOR_EACH_PROCESSOR                                                                          \
    void NAME(void *out_, const void *left_, const void *right_, size_t count) {                \
        TYPE##_any *out = out_;                                                                 \
        const TYPE##_any *left = left_, *right = right_;                                        \
        INDEPENDENT                                                                             \
        for (size_t i = 0; i < count; i++) {                                                    \
            TYPE a = left[i], b = right[i];                                                     \
            out[i] = EXPRESSION;                                                                \
        }                                                                                       \
    }                                                                                           \
    FOR_EACH_PROCESSOR                                                                          \
    void NAME##_to_both(                                                                        \
        void *out_, void *also_, const void *left_, const void *right_, size_t count            \
    ) {                                                                                         \
        TYPE##_any *out = out_, *also = also_;                                                  \
        const TYPE##_any *left = left_, *right = right_;                                        \
        INDEPENDENT                                                                             \
        for (size_t i = 0; i < count; i++) {                                                    \
            TYPE a = left[i], b = right[i];                                                     \
            out[i] = also[i] = EXPRESSION;                                                      \
        }                                                                                       \
    }

typedef int32_t int32;
typedef int64_t int64;

static inline float sum_float(float a, float b) {
    return one_nan(a + b);
}

static inline double sum_double(double a, double b) {
    double sum = a + b;
    return sum == sum ? sum : __builtin_nan("");
}

// Equal operands have equal bits, save the two zeros: `and` gives +0 for those.
static inline float max_float(float a, float b) {
    return a > b ? a : a < b ? b : a == b ? float_of(bits_of(a) & bits_of(b)) : __builtin_nanf("");
}

static inline double max_double(double a, double b) {
    union { double value; uint64_t bits; } x = {a}, y = {b}, both;
    both.bits = x.bits & y.bits;
    return a > b ? a : a < b ? b : a == b ? both.value : __builtin_nan("");
}

KERNEL(reduction_sum_float, float, sum_float(a, b))
KERNEL(reduction_sum_double, double, sum_double(a, b))
KERNEL(reduction_sum_int32, int32, (int32_t)((uint32_t)a + (uint32_t)b))
KERNEL(reduction_sum_int64, int64, (int64_t)((uint64_t)a + (uint64_t)b))

KERNEL(reduction_max_float, float, max_float(a, b))
KERNEL(reduction_max_double, double, max_double(a, b))
KERNEL(reduction_max_int32, int32, a > b ? a : b)
KERNEL(reduction_max_int64, int64, a > b ? a : b)

// Halves are combined in float32. Its 24 bits are at least twice theirs and two more, so that rounding to them after
// rounding to float32 is the same as rounding once.
#define HALF_KERNEL(NAME, HALF, COMBINE)                                                        \
    KERNEL(NAME, uint16, HALF##_from_float(COMBINE(float_from_##HALF(a), float_from_##HALF(b))))

typedef uint16_t uint16;

HALF_KERNEL(reduction_sum_float16, float16, sum_float)
HALF_KERNEL(reduction_sum_bfloat16, bfloat16, sum_float)
HALF_KERNEL(reduction_max_float16, float16, max_float)
HALF_KERNEL(reduction_max_bfloat16, bfloat16, max_float)
