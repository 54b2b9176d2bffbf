#pragma once
#include <stddef.h>

// The linear algebra of PowerSGD. A matrix has `columns` consecutive floats a row. Its factors P [rows, rank] and
// Q [columns, rank] are stored transposed: each of the `rank` vectors is consecutive. Results are the same bits on all
// processors: nothing is fused, and sums are taken in one order.

/// P = matrix · Q.
void low_rank_left(
    float *left, const float *matrix, const float *right, size_t rows, size_t columns, size_t rank);

/// Q = matrixᵀ · P.
void low_rank_right(
    float *right, const float *matrix, const float *left, size_t rows, size_t columns, size_t rank);

/// out = P · Qᵀ, a NaN being the one quiet NaN.
void low_rank_expand(
    float *out, const float *left, const float *right, size_t rows, size_t columns, size_t rank);

/// out = matrix - P · Qᵀ, or 0 where that is not finite.
void low_rank_error(
    float *out, const float *matrix, const float *left, const float *right, size_t rows, size_t columns,
    size_t rank);

/// Makes the `rank` vectors of `length` orthonormal, by Gram and Schmidt, twice. A vector that is a combination of those
/// before it becomes zero.
void low_rank_orthonormalise(float *vectors, size_t length, size_t rank);
