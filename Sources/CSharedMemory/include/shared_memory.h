#pragma once
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

/// Stores `value` with release order and wakes whoever waits for the word.
///
/// `waiters` counts those who sleep; both words lie in shared memory.
void shared_word_store(uint32_t *word, uint32_t *waiters, uint32_t value);

/// Loads a word with acquire order.
uint32_t shared_word_load(const uint32_t *word);

/// Asks up to `spins` times whether `word` has reached `target`, counted modulo 2^32; returns whether it has.
/// With `yields` it gives the core away between two questions.
int shared_word_spin(const uint32_t *word, uint32_t target, uint32_t spins, int yields);

/// Sleeps until `word` is no longer `seen`, at most `nanoseconds`; may return earlier for no reason.
void shared_word_sleep(uint32_t *word, uint32_t *waiters, uint32_t seen, uint64_t nanoseconds);

/// Wakes whoever waits for a word without changing it.
void shared_word_wake(uint32_t *word);
