#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of gradient compression. Results are the same bits on all processors: nothing is fused or reordered, and NaNs
// become the one quiet NaN. Pointers to numbers need no alignment. Buffers must not overlap unless it is said.

/// Rounded to nearest even; float16 is infinite from 65,520 on.
void compression_to_float16(void *halves, const void *floats, size_t count);
void compression_to_bfloat16(void *halves, const void *floats, size_t count);
/// Exact.
void compression_from_float16(void *floats, const void *halves, size_t count);
void compression_from_bfloat16(void *floats, const void *halves, size_t count);

/// values[i] += addend[i].
void compression_add(void *values, const void *addend, size_t count);

/// residual[i] = values[i], or 0 where that is not finite.
void compression_keep_finite(void *residual, const void *values, size_t count);

/// Whether no value is infinite or NaN.
int compression_all_finite(const void *values, size_t count);

/// Elements of a block that share one scale.
#define COMPRESSION_BLOCK 256

/// For each block of `COMPRESSION_BLOCK` values, the last maybe shorter: scale = max |value| / 127, and each value's
/// nearest multiple of it (ties to even), -127...127.
///
/// A block whose scale would be subnormal has scale 0 and codes 0. One that holds an infinity or a NaN has scale NaN:
/// it decodes to NaNs.
void compression_quantise(void *scales, int8_t *codes, const void *values, size_t count);

/// values[i] = code · scale.
void compression_dequantise(void *values, const void *scales, const int8_t *codes, size_t count);

/// values[i] += code · scale.
void compression_dequantise_add(void *values, const void *scales, const int8_t *codes, size_t count);

/// residual[i] = values[i] - code · scale, or 0 where that is not finite. `residual` may be `values`.
void compression_quantisation_error(
    void *residual, const void *values, const void *scales, const int8_t *codes, size_t count);

/// Finds the `kept` values of largest magnitude, of equal ones those of lower index, and writes their indices, rising,
/// and themselves. Infinities are larger than all numbers, NaNs larger still. `kept <= count <= INT32_MAX`.
void compression_select_largest(
    int32_t *indices, void *selected, const void *values, size_t count, size_t kept);

/// values[indices[i]] += addends[i] in the order of i. All indices must be below the number of values.
void compression_scatter_add(float *values, const int32_t *indices, const void *addends, size_t kept);
