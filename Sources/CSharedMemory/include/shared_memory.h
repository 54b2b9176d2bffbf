#pragma once
#include <sched.h>
#include <stdint.h>

/// What Linux offers for memory and signals between the processes of a host, as plain functions.

/// Makes `bytes` of anonymous shared memory, all zero, and returns its descriptor; -1 with errno on failure. It has no
/// name in any file system, so nothing of it outlives the last process that has it open or mapped.
int shared_memory_create(uint64_t bytes);

/// Whether memory behind another process' descriptor will keep its size.
int shared_memory_is_sealed(int descriptor);

/// A descriptor that becomes readable when the process ends; -1 with errno on failure.
int shared_memory_watch_process(int32_t pid);

/// Whether a descriptor of `shared_memory_watch_process` says that the process has ended.
int shared_memory_process_ended(int descriptor);

/// Wakes whoever waits for a word without changing it.
void shared_word_wake(uint32_t *word);

// The next three stand here so that callers have them without a call: the shortest collectives take a few hundred
// nanoseconds.

/// Stores `value` with release order and wakes whoever waits for the word.
///
/// `waiters` counts those who sleep; both words lie in shared memory.
static inline void shared_word_store(uint32_t *word, uint32_t *waiters, uint32_t value) {
    // Store, then look for sleepers; a sleeper counts itself, then looks at the word: one of the two sees the other.
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(waiters, __ATOMIC_SEQ_CST) != 0) shared_word_wake(word);
}

/// Loads a word with acquire order.
static inline uint32_t shared_word_load(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/// Asks up to `spins` times whether `word` has reached `target`, counted modulo 2^32; returns whether it has.
/// With `yields` it gives the core away between two questions.
static inline int shared_word_spin(const uint32_t *word, uint32_t target, uint32_t spins, int yields) {
    for (uint32_t spin = 0; (int32_t)(shared_word_load(word) - target) < 0; spin++) {
        if (spin == spins) return 0;
        if (yields) {
            sched_yield();
        } else {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    }
    return 1;
}

/// Sleeps until `word` is no longer `seen`, at most `nanoseconds`; may return earlier for no reason.
void shared_word_sleep(uint32_t *word, uint32_t *waiters, uint32_t seen, uint64_t nanoseconds);

/// Raises a word to `value`, counted modulo 2^32, unless it has got there already, and wakes whoever waits for it.
///
/// `waiters` counts those who sleep, as for `shared_word_store`.
void shared_word_raise(uint32_t *word, uint32_t *waiters, uint32_t value);

/// Pieces of work that several processes share. Each piece is handed out once to one of them, and the last that is done
/// is noticed by who did it. The two words lie in shared memory, zero at first; `task` numbers what they are used for,
/// never 0 in the first place, and a task begins when all who take part in it have left the one before.
struct shared_pieces {
    /// The task, and how many of its pieces are handed out.
    uint64_t claimed;
    char apart[56];
    /// The task, and how many of its pieces are done.
    uint64_t done;
};

/// The number of a piece that nobody else does; `count` when all are handed out.
uint32_t shared_pieces_claim(struct shared_pieces *pieces, uint32_t task, uint32_t count);

/// Counts `number` claimed pieces as done; returns whether all `count` of them are now.
int shared_pieces_finish(struct shared_pieces *pieces, uint32_t task, uint32_t number, uint32_t count);
