#include "reduction.h"

#include <stdint.h>

// Each kernel exists once per instruction set and the loader picks one by what the processor has, so that one binary
// runs everywhere and uses what is there.
#if defined(__x86_64__) && defined(__ELF__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

// A message's bytes may begin anywhere.
typedef float float_any __attribute__((aligned(1)));
typedef double double_any __attribute__((aligned(1)));
typedef int32_t int32_any __attribute__((aligned(1)));
typedef int64_t int64_any __attribute__((aligned(1)));

// `assume_safety`: iterations are independent also where out is left, which the compiler's own overlap check would
// send down the scalar path.
#define KERNEL(NAME, TYPE, EXPRESSION)                                                          \
    FOR_EACH_PROCESSOR                                                                          \
    void NAME(void *out_, const void *left_, const void *right_, size_t count) {                \
        TYPE##_any *out = out_;                                                                 \
        const TYPE##_any *left = left_, *right = right_;                                        \
        _Pragma("clang loop vectorize(assume_safety) interleave(enable)")                       \
        for (size_t i = 0; i < count; i++) {                                                    \
            TYPE a = left[i], b = right[i];                                                     \
            out[i] = EXPRESSION;                                                                \
        }                                                                                       \
    }

typedef int32_t int32;
typedef int64_t int64;

static inline float sum_float(float a, float b) {
    float sum = a + b;
    return sum == sum ? sum : __builtin_nanf("");
}

static inline double sum_double(double a, double b) {
    double sum = a + b;
    return sum == sum ? sum : __builtin_nan("");
}

// Equal operands have equal bits, save the two zeros: `and` gives +0 for those.
static inline float max_float(float a, float b) {
    union { float value; uint32_t bits; } x = {a}, y = {b}, both;
    both.bits = x.bits & y.bits;
    return a > b ? a : a < b ? b : a == b ? both.value : __builtin_nanf("");
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
