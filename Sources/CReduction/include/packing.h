#pragma once
#include <stddef.h>

// Doubles that are multiples of a power of two, packed into fewer bytes without loss, and doubles of which float32 is enough.
//
// Packed multiples are the low 32 bits of each, one after the other, and then the bytes above them, none, one or two for
// each; in two's complement. Pointers need no alignment. Buffers must not overlap.

/// A width of doubles that cannot be packed.
#define PACKING_NONE 8

/// How many bytes an element takes: 4, 5 or 6 where all elements are multiples of 1 / `per_quantum`, none is a negative zero
/// and so many bytes hold the largest, else `PACKING_NONE`.
///
/// `per_quantum`: a power of two, here and below.
size_t packing_width(const void *values, size_t count, double per_quantum);

/// Packs `count` doubles into `count * width` bytes. `width` is what `packing_width` gave for them, or a wider one, and not
/// `PACKING_NONE`.
void packing_pack(void *packed, const void *values, size_t count, double per_quantum, size_t width);

/// values[i] += what was packed.
void packing_add(void *values, const void *packed, size_t count, double per_quantum, size_t width);

/// values[i] = values[i] rounded to float32, to nearest even.
void packing_round(void *values, size_t count);

/// packed[i] = values[i] in float32, 4 bytes each.
void packing_pack_rounded(void *packed, const void *values, size_t count);

/// values[i] = packed[i].
void packing_unpack_rounded(void *values, const void *packed, size_t count);
