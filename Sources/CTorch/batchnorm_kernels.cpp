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

/// Rows that go into the sums together, so that these are loaded and stored once for all of them.
constexpr int64_t together = 4;

template <typename T>
INLINE void statisticsOfRows(
    const T *__restrict x, int64_t rows, int64_t width, double *__restrict sum, double *__restrict squares) {
    int64_t row = 0;
    for (; row + together <= rows; row += together, x += together * width) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            double a = x[c], b = x[width + c], d = x[2 * width + c], e = x[3 * width + c];
            sum[c] += (a + b) + (d + e);
            squares[c] += (a * a + b * b) + (d * d + e * e);
        }
    }
    for (; row < rows; row++, x += width) {
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

template <Gate gate, typename T>
INLINE T gatedElement(T dy, T x, T y, T mean, T scale, T shift) {
    if (gate == Gate::all) return dy;
    T value = gate == Gate::byOutput ? y : normalised(x, mean, scale, shift);
    return value > 0 ? dy : 0;
}

template <Gate gate, bool keep, typename T>
INLINE void backwardSumsOfRows(
    const T *__restrict dy, const T *__restrict x, const T *__restrict y, T *__restrict gated, int64_t rows,
    int64_t width, const T *__restrict mean, const T *__restrict scale, const T *__restrict shift,
    double *__restrict sum, double *__restrict products) {
    int64_t row = 0;
    for (; row + together <= rows; row += together) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            T g[together], p[together];
#pragma clang loop unroll(full)
            for (int64_t i = 0; i < together; i++) {
                int64_t at = i * width + c;
                g[i] = gatedElement<gate>(
                    dy[at], x[at], gate == Gate::byOutput ? y[at] : T(0), mean[c], gate == Gate::recomputed ? scale[c] : T(0),
                    gate == Gate::recomputed ? shift[c] : T(0));
                p[i] = g[i] * (x[at] - mean[c]);
                if (keep) gated[at] = g[i];
            }
            // In double at once: a sum in T would depend on which rows happen to be added together.
            sum[c] += (double(g[0]) + double(g[1])) + (double(g[2]) + double(g[3]));
            products[c] += (double(p[0]) + double(p[1])) + (double(p[2]) + double(p[3]));
        }
        dy += together * width;
        x += together * width;
        if (gate == Gate::byOutput) y += together * width;
        if (keep) gated += together * width;
    }
    for (; row < rows; row++) {
        VECTORISE
        for (int64_t c = 0; c < width; c++) {
            T g = gatedElement<gate>(
                dy[c], x[c], gate == Gate::byOutput ? y[c] : T(0), mean[c], gate == Gate::recomputed ? scale[c] : T(0),
                gate == Gate::recomputed ? shift[c] : T(0));
            if (keep) gated[c] = g;
            sum[c] += double(g);
            products[c] += double(g * (x[c] - mean[c]));
        }
        dy += width;
        x += width;
        if (gate == Gate::byOutput) y += width;
        if (keep) gated += width;
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
            T g = gatedElement<gate>(dy[c], x[c], T(0), mean[c], scale[c], gate == Gate::recomputed ? shift[c] : T(0));
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
