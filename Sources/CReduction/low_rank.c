#include "low_rank.h"

#include <math.h>

#include "kernels.h"

#define LANES 16
#define TILE 512

// A sum in `LANES` interleaved parts, so that it can be vectorised without changing its order.
#define DOT(TYPE, NAME)                                                                         \
    static inline TYPE NAME(const float *left, const float *right, size_t count) {              \
        TYPE lanes[LANES] = {0};                                                                \
        size_t i = 0;                                                                           \
        for (; i + LANES <= count; i += LANES) {                                                \
            for (size_t lane = 0; lane < LANES; lane++) {                                       \
                lanes[lane] += (TYPE)left[i + lane] * (TYPE)right[i + lane];                    \
            }                                                                                   \
        }                                                                                       \
        for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += (TYPE)left[i] * (TYPE)right[i]; \
        for (size_t half = LANES / 2; half > 0; half /= 2) {                                    \
            for (size_t lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];       \
        }                                                                                       \
        return lanes[0];                                                                        \
    }

DOT(float, dot)
DOT(double, precise_dot)

static inline size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

FOR_EACH_PROCESSOR
void low_rank_left(
    float *left, const float *matrix, const float *right, size_t rows, size_t columns, size_t rank) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t k = 0; k < rank; k++) {
            left[k * rows + row] = dot(matrix + row * columns, right + k * columns, columns);
        }
    }
}

FOR_EACH_PROCESSOR
void low_rank_right(
    float *right, const float *matrix, const float *left, size_t rows, size_t columns, size_t rank) {
    for (size_t i = 0; i < rank * columns; i++) right[i] = 0;
    for (size_t row = 0; row < rows; row++) {
        const float *values = matrix + row * columns;
        for (size_t k = 0; k < rank; k++) {
            float *sums = right + k * columns, factor = left[k * rows + row];
            _Pragma("clang loop vectorize(assume_safety)")
            for (size_t column = 0; column < columns; column++) sums[column] += factor * values[column];
        }
    }
}

/// The next `length` elements of a row of P · Qᵀ from `start` on.
static inline void expand(
    float *sums, const float *left, const float *right, size_t row, size_t start, size_t length, size_t rows,
    size_t columns, size_t rank) {
    for (size_t i = 0; i < length; i++) sums[i] = 0;
    for (size_t k = 0; k < rank; k++) {
        const float *values = right + k * columns + start;
        float factor = left[k * rows + row];
        for (size_t i = 0; i < length; i++) sums[i] += factor * values[i];
    }
}

FOR_EACH_PROCESSOR
void low_rank_expand(
    float *out, const float *left, const float *right, size_t rows, size_t columns, size_t rank) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t start = 0; start < columns; start += TILE) {
            float sums[TILE], *target = out + row * columns + start;
            size_t length = smaller(TILE, columns - start);
            expand(sums, left, right, row, start, length, rows, columns, rank);
            for (size_t i = 0; i < length; i++) target[i] = one_nan(sums[i]);
        }
    }
}

FOR_EACH_PROCESSOR
void low_rank_error(
    float *out, const float *matrix, const float *left, const float *right, size_t rows, size_t columns,
    size_t rank) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t start = 0; start < columns; start += TILE) {
            float sums[TILE], *target = out + row * columns + start;
            const float *values = matrix + row * columns + start;
            size_t length = smaller(TILE, columns - start);
            expand(sums, left, right, row, start, length, rows, columns, rank);
            for (size_t i = 0; i < length; i++) {
                float error = values[i] - sums[i];
                target[i] = (bits_of(error) & 0x7fffffff) < 0x7f800000 ? error : 0;
            }
        }
    }
}

/// Takes out of `vector` what lies along the `count` orthonormal ones, and makes the rest a unit vector.
///
/// Returns the length of the rest, of which nothing remains if it is 0.
static inline double orthonormalise(float *vector, const float *vectors, size_t length, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const float *other = vectors + k * length;
        double along = precise_dot(vector, other, length);
        for (size_t i = 0; i < length; i++) vector[i] = (float)((double)vector[i] - along * (double)other[i]);
    }
    double norm = sqrt(precise_dot(vector, vector, length));
    double scale = norm == 0 ? 0 : 1 / norm;
    for (size_t i = 0; i < length; i++) vector[i] = (float)((double)vector[i] * scale);
    return norm;
}

FOR_EACH_PROCESSOR
void low_rank_orthonormalise(float *vectors, size_t length, size_t rank) {
    for (size_t k = 0; k < rank; k++) {
        float *vector = vectors + k * length;
        orthonormalise(vector, vectors, length, k);
        // What the first pass left of a dependent vector is rounding, scaled up, and not orthogonal to the others yet.
        double rest = orthonormalise(vector, vectors, length, k);
        if (rest < 1e-3) {
            for (size_t i = 0; i < length; i++) vector[i] = 0;
        }
    }
}
