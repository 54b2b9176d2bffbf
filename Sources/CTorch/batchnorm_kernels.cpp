#include "batchnorm_kernels.h"

#pragma clang fp contract(off)

#if defined(__x86_64__) && defined(__ELF__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
#define INLINE static inline __attribute__((always_inline))
#define VECTORISE _Pragma("clang loop vectorize(enable) interleave(enable)")

namespace shim::norm {

namespace {

// Rows go into the sums several at a time, so that the sums are loaded and stored once for all of them. The rows are
// taken from strands that lie far apart, each read from beginning to end: rows next to each other, read in step, defeat
// the processor's prefetching and take up to three times as long.

/// The rows of each of `strands` strands: an equal part of all, and odd, so that strands do not fall on the same lines
/// of the cache. What is left over (a few rows) comes one by one.
INLINE int64_t strandRows(int64_t rows, int strands) {
    int64_t part = rows / strands;
    return part % 2 == 0 && part > 0 ? part - 1 : part;
}

template <typename T>
INLINE void statisticsOfRows(
    const T *__restrict x, int64_t rows, int64_t width, double *__restrict sum, double *__restrict squares) {
    constexpr int strands = 4;
    int64_t length = strandRows(rows, strands), apart = length * width;
    for (int64_t row = 0; row < length; row++, x += width) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            double a = x[c], b = x[apart + c], d = x[2 * apart + c], e = x[3 * apart + c];
            sum[c] += (a + b) + (d + e);
            squares[c] += (a * a + b * b) + (d * d + e * e);
        }
    }
    x += (strands - 1) * apart;
    for (int64_t row = strands * length; row < rows; row++, x += width) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            double a = x[c];
            sum[c] += a;
            squares[c] += a * a;
        }
    }
}

/// The one place that says what a normalised element is: forward and backward must agree on its sign.
template <typename T>
INLINE T normalised(T x, T mean, T scale, T shift) {
    return (x - mean) * scale + shift;
}

template <bool residual, bool relu, typename T>
INLINE void normaliseRows(
    const T *__restrict x, const T *__restrict z, T *__restrict y, int64_t rows, int64_t width,
    const T *__restrict mean, const T *__restrict scale, const T *__restrict shift) {
    for (int64_t row = 0; row < rows; row++, x += width, y += width) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            T value = normalised(x[c], mean[c], scale[c], shift[c]);
            if (residual) value += z[c];
            // In this order a NaN stays one.
            if (relu) value = value < 0 ? 0 : value;
            y[c] = value;
        }
        if (residual) z += width;
    }
}

template <typename T>
INLINE void normaliseAny(
    const T *x, const T *z, T *y, int64_t rows, int64_t width, const Channels<T> &of, bool relu) {
    if (z && relu) return normaliseRows<true, true>(x, z, y, rows, width, of.mean, of.scale, of.shift);
    if (z) return normaliseRows<true, false>(x, z, y, rows, width, of.mean, of.scale, of.shift);
    if (relu) return normaliseRows<false, true>(x, z, y, rows, width, of.mean, of.scale, of.shift);
    normaliseRows<false, false>(x, z, y, rows, width, of.mean, of.scale, of.shift);
}

/// Adds to `sum` and `products` what `count` rows, `apart` elements from each other, have at column c.
template <Gate gate, bool keep, int count, typename T>
INLINE void backwardSumsOfColumn(
    const T *__restrict dy, const T *__restrict x, const T *__restrict y, T *__restrict gated, int64_t apart,
    const T *__restrict mean, const T *__restrict scale, const T *__restrict shift, double &sum, double &products,
    int64_t c) {
    // In double at once: sums in T would depend on which rows happen to be added together, hence on the batch.
    double someSum = 0, someProducts = 0;
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        int64_t at = i * apart + c;
        T value = T(1);
        if (gate == Gate::byOutput) value = y[at];
        if (gate == Gate::recomputed) value = normalised(x[at], mean[c], scale[c], shift[c]);
        T g = value > 0 ? dy[at] : 0;
        if (keep) gated[at] = g;
        someSum += double(g);
        someProducts += double(g * (x[at] - mean[c]));
    }
    sum += someSum;
    products += someProducts;
}

template <Gate gate, bool keep, typename T>
INLINE void backwardSumsOfRows(
    const T *__restrict dy, const T *__restrict x, const T *__restrict y, T *__restrict gated, int64_t rows,
    int64_t width, const T *__restrict mean, const T *__restrict scale, const T *__restrict shift,
    double *__restrict sum, double *__restrict products) {
    // With an array to write as well, fewer: the processor follows only so many streams.
    constexpr int strands = keep ? 2 : 4;
    int64_t length = strandRows(rows, strands), apart = length * width;
    for (int64_t row = 0; row < rows - (strands - 1) * length; row++) {
        // After the strands, all of which the first one stands for, single rows.
        bool single = row >= length;
        int64_t start = (row + (single ? (strands - 1) * length : 0)) * width;
        const T *ofY = gate == Gate::byOutput ? y + start : nullptr;
        T *ofGated = keep ? gated + start : nullptr;
        if (single) {
            VECTORISE
            for (int64_t c = 0; c < width; c++) {
                backwardSumsOfColumn<gate, keep, 1>(
                    dy + start, x + start, ofY, ofGated, apart, mean, scale, shift, sum[c], products[c], c);
            }
        } else {
            VECTORISE
            for (int64_t c = 0; c < width; c++) {
                backwardSumsOfColumn<gate, keep, strands>(
                    dy + start, x + start, ofY, ofGated, apart, mean, scale, shift, sum[c], products[c], c);
            }
        }
    }
}

template <Gate gate, typename T>
INLINE void backwardSumsWithGate(
    const T *dy, const T *x, const T *y, T *gated, int64_t rows, int64_t width, const Channels<T> &of, double *sum,
    double *products) {
    if (gated) {
        backwardSumsOfRows<gate, true>(
            dy, x, y, gated, rows, width, of.mean, of.scale, of.shift, sum, products);
    } else {
        backwardSumsOfRows<gate, false>(
            dy, x, y, gated, rows, width, of.mean, of.scale, of.shift, sum, products);
    }
}

template <typename T>
INLINE void backwardSumsAny(
    const T *dy, const T *x, const T *y, T *gated, int64_t rows, int64_t width, const Channels<T> &of, Gate gate,
    double *sum, double *products) {
    switch (gate) {
    case Gate::all: return backwardSumsWithGate<Gate::all>(dy, x, y, gated, rows, width, of, sum, products);
    case Gate::recomputed:
        return backwardSumsWithGate<Gate::recomputed>(dy, x, y, gated, rows, width, of, sum, products);
    case Gate::byOutput: return backwardSumsWithGate<Gate::byOutput>(dy, x, y, gated, rows, width, of, sum, products);
    }
}

template <Gate gate, typename T>
INLINE void inputGradientOfRows(
    const T *__restrict dy, const T *__restrict x, T *__restrict dx, int64_t rows, int64_t width,
    const T *__restrict mean, const T *__restrict scale, const T *__restrict shift, const T *__restrict offset,
    const T *__restrict slope) {
    for (int64_t row = 0; row < rows; row++, dy += width, x += width, dx += width) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            T g = dy[c];
            if (gate == Gate::recomputed && !(normalised(x[c], mean[c], scale[c], shift[c]) > 0)) g = 0;
            dx[c] = (g - (offset[c] + (x[c] - mean[c]) * slope[c])) * scale[c];
        }
    }
}

template <typename T>
INLINE void inputGradientAny(
    const T *dy, const T *x, T *dx, int64_t rows, int64_t width, const Channels<T> &of, Gate gate) {
    if (gate == Gate::recomputed) {
        inputGradientOfRows<Gate::recomputed>(
            dy, x, dx, rows, width, of.mean, of.scale, of.shift, of.offset, of.slope);
    } else {
        inputGradientOfRows<Gate::all>(dy, x, dx, rows, width, of.mean, of.scale, of.shift, of.offset, of.slope);
    }
}

}  // namespace

#define DEFINE(T)                                                                                                 \
    FOR_EACH_PROCESSOR                                                                                            \
    void addStatistics(const T *x, int64_t rows, int64_t width, double *sum, double *squares) {                   \
        statisticsOfRows(x, rows, width, sum, squares);                                                           \
    }                                                                                                             \
    FOR_EACH_PROCESSOR                                                                                            \
    void normalise(                                                                                               \
        const T *x, const T *residual, T *y, int64_t rows, int64_t width, const Channels<T> &channels, bool relu) { \
        normaliseAny(x, residual, y, rows, width, channels, relu);                                                \
    }                                                                                                             \
    FOR_EACH_PROCESSOR                                                                                            \
    void addBackwardSums(                                                                                         \
        const T *dy, const T *x, const T *y, T *gated, int64_t rows, int64_t width, const Channels<T> &channels,  \
        Gate gate, double *sum, double *products) {                                                               \
        backwardSumsAny(dy, x, y, gated, rows, width, channels, gate, sum, products);                             \
    }                                                                                                             \
    FOR_EACH_PROCESSOR                                                                                            \
    void inputGradient(                                                                                           \
        const T *dy, const T *x, T *dx, int64_t rows, int64_t width, const Channels<T> &channels, Gate gate) {    \
        inputGradientAny(dy, x, dx, rows, width, channels, gate);                                                 \
    }

DEFINE(float)
DEFINE(double)

}  // namespace shim::norm
