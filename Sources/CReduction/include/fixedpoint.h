#pragma once
#include <stddef.h>
#include <stdint.h>

/// Block fixed point: sums of floats that do not depend on the order of the addends.
///
/// A buffer is cut into blocks of `FIXEDPOINT_BLOCK` elements, counted from its first one; the last may be shorter. In
/// a block with exponent e an addend x becomes the integer q nearest to x · 2^-e (ties to even), integers are summed,
/// and the sum becomes the nearest float once. `limit` is the largest |q|: if `limit` times the number of all addends
/// is at most 2^31 - 1, no partial sum in any order leaves 32 bits.
///
/// The magnitude of a float is its bits without the sign, as int32_t: it orders as |x| does, and infinities and NaNs
/// come after all numbers. Results are the same bits on every processor, also where denormals are flushed to zero.
/// Pointers need the alignment of their type.
#define FIXEDPOINT_BLOCK 1024

/// An exponent that is not known yet: only zeros fit.
#define FIXEDPOINT_UNKNOWN INT32_MIN

/// The finest quantum is 2^-125: then denormals are less than half of it, so they are zero whether or not the processor
/// flushes them, and no result is denormal.
#define FIXEDPOINT_FINEST (-125)

/// The coarsest: 2^-126 is the last normal float, and `limit` · 2^126 is beyond all floats.
#define FIXEDPOINT_COARSEST 126

/// Magnitudes from here on are infinities and NaNs.
#define FIXEDPOINT_NONFINITE 0x7f800000

typedef struct {
    /// The largest |q|, 4 or more; exactly a float.
    int32_t limit;
    /// How many bits the addends may grow by before they do not fit an exponent chosen for them; 0 or more.
    int32_t headroom;
} fixedpoint_rule;

/// Whether an addend of this magnitude can be quantised with this exponent. Infinities and NaNs cannot.
int32_t fixedpoint_fits(int32_t magnitude, int32_t exponent, fixedpoint_rule rule);

/// The exponent for a block whose largest addend has this magnitude; one that it fits whatever it is. `before` where
/// the magnitude says nothing: for zero and for infinities and NaNs.
int32_t fixedpoint_exponent(int32_t magnitude, int32_t before, fixedpoint_rule rule);

/// Replaces each of `count` exponents by `fixedpoint_exponent` of its block's magnitude.
void fixedpoint_advance(int32_t *exponents, const int32_t *magnitudes, size_t count, fixedpoint_rule rule);

/// Equal for equal exponents, and hardly for others.
uint32_t fixedpoint_digest(const int32_t *exponents, size_t count);

/// The exponent with which a block is summed: `before` if its largest addend fits that, otherwise the one for it.
int32_t fixedpoint_exponent_used(int32_t magnitude, int32_t before, fixedpoint_rule rule);

/// The largest magnitude of `count` floats; 0 of none.
int32_t fixedpoint_magnitude(const float *values, size_t count);

/// Adds `count` quantised floats to sums and returns their largest magnitude. What does not fit the exponent is added
/// as some number of at most `limit`: the caller sees by the magnitude that the sums are of no use.
int32_t fixedpoint_add(int32_t *sums, const float *values, size_t count, int32_t exponent, fixedpoint_rule rule);

/// Replaces `count` floats by what `fixedpoint_add` would add.
void fixedpoint_quantise(void *values, size_t count, int32_t exponent, fixedpoint_rule rule);

/// Makes sums floats, also in their own memory; beyond the largest float they are infinite. With an unknown exponent
/// they are zero.
void fixedpoint_read(void *values, const int32_t *sums, size_t count, int32_t exponent);

/// Sums elements `offset ..< offset + count` of `ranks` (1 or more) buffers and overwrites all of them with the result,
/// in one pass over memory.
///
/// Whole blocks only: `offset` is a multiple of the block, and so is `offset + count` unless the buffers end there. The
/// buffers do not overlap. `exponents` and `magnitudes` have an element for each block of the whole buffer; those of
/// other blocks are left alone. A block is summed with `fixedpoint_exponent_used` of its largest addend, whose
/// magnitude is written; a block with an infinity or a NaN becomes NaN.
void fixedpoint_sum_float(
    float *const *buffers, size_t ranks, size_t offset, size_t count, const int32_t *exponents, fixedpoint_rule rule,
    int32_t *magnitudes);
