#pragma once
// mallopt
#include <malloc.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>
// The toolchain's Glibc module leaves eventfd out, and the three below, which are GNU's.
#include <sys/eventfd.h>

/// On which cores a thread of this process may run, 0 for the calling one: a bit each. Returns how many bytes were
/// written, or -1 with errno.
static inline long thread_cores(int32_t thread, void *set, size_t bytes) {
    return syscall(SYS_sched_getaffinity, thread, bytes, set);
}

/// Says on which cores it may run. Returns 0, or -1 with errno.
static inline long set_thread_cores(int32_t thread, const void *set, size_t bytes) {
    return syscall(SYS_sched_setaffinity, thread, bytes, set);
}

/// The core that the calling thread runs on, or -1.
int sched_getcpu(void);
