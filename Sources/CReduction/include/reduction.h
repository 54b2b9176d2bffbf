#pragma once
#include <stddef.h>

/// Elementwise reductions: out[i] = left[i] ∘ right[i] for i < count.
///
/// `out` may be `left` itself, and must not otherwise overlap an input. Pointers need no alignment. Both kinds of result
/// are the same bits whichever operand comes first and whatever the processor: a NaN always becomes the one quiet NaN
/// with an empty payload, and the larger of two zeros is +0. Integer sums wrap.
/// 16-bit floats are combined in float32 and rounded to nearest even once.
typedef void (*reduction_kernel)(void *out, const void *left, const void *right, size_t count);

void reduction_sum_float(void *out, const void *left, const void *right, size_t count);
void reduction_sum_double(void *out, const void *left, const void *right, size_t count);
void reduction_sum_int32(void *out, const void *left, const void *right, size_t count);
void reduction_sum_int64(void *out, const void *left, const void *right, size_t count);

void reduction_max_float(void *out, const void *left, const void *right, size_t count);
void reduction_max_double(void *out, const void *left, const void *right, size_t count);
void reduction_max_int32(void *out, const void *left, const void *right, size_t count);
void reduction_max_int64(void *out, const void *left, const void *right, size_t count);

void reduction_sum_float16(void *out, const void *left, const void *right, size_t count);
void reduction_sum_bfloat16(void *out, const void *left, const void *right, size_t count);
void reduction_max_float16(void *out, const void *left, const void *right, size_t count);
void reduction_max_bfloat16(void *out, const void *left, const void *right, size_t count);
