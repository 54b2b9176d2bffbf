#pragma once
#include <stddef.h>

/// Elementwise reductions: out[i] = left[i] ∘ right[i] for i < count; those to both write the same to also[i].
///
/// `out` may be `left` itself, `also` may be `right` itself; buffers must not otherwise overlap. Pointers need no
/// alignment. All results are the same bits whichever operand comes first and whatever the processor: a NaN always becomes
/// the one quiet NaN with an empty payload, and the larger of two zeros is +0. Integer sums wrap.
/// 16-bit floats are combined in float32 and rounded to nearest even once.
typedef void (*reduction_kernel)(void *out, const void *left, const void *right, size_t count);
typedef void (*reduction_kernel_to_both)(void *out, void *also, const void *left, const void *right, size_t count);

#define REDUCTION_KERNELS(NAME)                                              \
    void NAME(void *out, const void *left, const void *right, size_t count); \
    void NAME##_to_both(void *out, void *also, const void *left, const void *right, size_t count);

REDUCTION_KERNELS(reduction_sum_float)
REDUCTION_KERNELS(reduction_sum_double)
REDUCTION_KERNELS(reduction_sum_int32)
REDUCTION_KERNELS(reduction_sum_int64)
REDUCTION_KERNELS(reduction_sum_float16)
REDUCTION_KERNELS(reduction_sum_bfloat16)

REDUCTION_KERNELS(reduction_max_float)
REDUCTION_KERNELS(reduction_max_double)
REDUCTION_KERNELS(reduction_max_int32)
REDUCTION_KERNELS(reduction_max_int64)
REDUCTION_KERNELS(reduction_max_float16)
REDUCTION_KERNELS(reduction_max_bfloat16)
