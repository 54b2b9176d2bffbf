// Loops of batch normalisation over rows of channels, for one thread. Each exists once per instruction set; the loader
// takes the best that the processor has. All sets give the same bits: lanes are channels, so no sum is reordered, and
// multiplications and additions are not fused.
#pragma once

#include <cstdint>

namespace shim::norm {

/// Which elements of the gradient a ReLU lets through.
enum class Gate {
    /// No ReLU: all.
    all,
    /// Where (x - mean) · scale + shift > 0.
    recomputed,
    /// Where the output was > 0.
    byOutput,
};

/// What belongs to a channel. Arrays as long as a row; those that a loop has no use for may be null.
template <typename T>
struct Channels {
    const T *mean;
    const T *scale;
    const T *shift;
    const T *offset;
    const T *slope;
};

// `rows` rows of `width` elements each, one after the other.

#define DECLARE(T)                                                                                                \
    /** sum += Σ x, squares += Σ x². */                                                                           \
    void addStatistics(const T *x, int64_t rows, int64_t width, double *sum, double *squares);                    \
    /** y = (x - mean) · scale + shift (+ residual, where not null) (then ReLU). */                               \
    void normalise(                                                                                               \
        const T *x, const T *residual, T *y, int64_t rows, int64_t width, const Channels<T> &channels, bool relu); \
    /** sum += Σ g, products += Σ g·(x - mean), g being dy behind the gate; g goes to `gated` if not null. */     \
    void addBackwardSums(                                                                                         \
        const T *dy, const T *x, const T *y, T *gated, int64_t rows, int64_t width, const Channels<T> &channels,  \
        Gate gate, double *sum, double *products);                                                                \
    /** dx = (g - (offset + (x - mean) · slope)) · scale; `gate` is not `byOutput`. */                            \
    void inputGradient(                                                                                           \
        const T *dy, const T *x, T *dx, int64_t rows, int64_t width, const Channels<T> &channels, Gate gate);

DECLARE(float)
DECLARE(double)
#undef DECLARE

}  // namespace shim::norm
