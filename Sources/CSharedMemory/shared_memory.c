#define _GNU_SOURCE
#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int shared_memory_create(uint64_t bytes) {
    int descriptor = memfd_create("murmur", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -1;
    // Sealed, so that nobody can take pages away under those who have it mapped.
    if (ftruncate(descriptor, (off_t)bytes) != 0 || fcntl(descriptor, F_ADD_SEALS, SEALS) != 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int shared_memory_is_sealed(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS) == SEALS;
}

int shared_memory_watch_process(int32_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int shared_memory_process_ended(int descriptor) {
    struct pollfd entry = {.fd = descriptor, .events = POLLIN};
    return poll(&entry, 1, 0) == 1;
}

void shared_word_wake(uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void shared_word_sleep(uint32_t *word, uint32_t *waiters, uint32_t seen, uint64_t nanoseconds) {
    struct timespec limit = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
    __atomic_fetch_add(waiters, 1, __ATOMIC_SEQ_CST);
    // The kernel compares once more before it puts us to sleep.
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
    __atomic_fetch_sub(waiters, 1, __ATOMIC_SEQ_CST);
}

void shared_word_raise(uint32_t *word, uint32_t *waiters, uint32_t value) {
    uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
    while ((int32_t)(seen - value) < 0) {
        if (__atomic_compare_exchange_n(word, &seen, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
            if (__atomic_load_n(waiters, __ATOMIC_SEQ_CST) != 0) shared_word_wake(word);
            return;
        }
    }
}

/// Adds to a number that begins at zero with each task, as far as `count`; returns what it was before.
static uint32_t advance(uint64_t *word, uint32_t task, uint32_t number, uint32_t count) {
    uint64_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (1) {
        uint32_t before = (uint32_t)(seen >> 32) == task ? (uint32_t)seen : 0;
        if (before >= count) return count;
        uint64_t after = (uint64_t)task << 32 | (before + number);
        if (__atomic_compare_exchange_n(word, &seen, after, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return before;
    }
}

uint32_t shared_pieces_claim(struct shared_pieces *pieces, uint32_t task, uint32_t count) {
    return advance(&pieces->claimed, task, 1, count);
}

int shared_pieces_finish(struct shared_pieces *pieces, uint32_t task, uint32_t number, uint32_t count) {
    return number != 0 && advance(&pieces->done, task, number, count) + number == count;
}
