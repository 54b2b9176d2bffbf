#pragma once

// A function exists once per instruction set and the loader picks one by what the processor has, so that one binary runs
// everywhere and uses what is there. Not under ThreadSanitizer: the loader picks before that is ready.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONE_FOR_ALL 1
#endif
#endif
#if defined(__x86_64__) && defined(__ELF__) && !defined(ONE_FOR_ALL)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

// Of helpers: they are compiled into each processor's kernels.
#define INTO_EACH static inline __attribute__((always_inline))

// Before a loop whose iterations are independent, also where the output is the input's own memory.
#define VECTORISE _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
