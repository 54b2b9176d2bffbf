// What the probes share: a process for each rank, memory that all see, and a barrier in it.
#pragma once

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measuring.h"

enum { maximum_processes = 64, patience = 4096 };

struct shared {
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int passed;
    _Alignas(64) atomic_bool goes_on;
    /// Of the last repetition, by rank.
    _Alignas(64) double milliseconds[maximum_processes];
};

static struct shared *shared;
static int processes;
/// More processes than cores: one that waits lets another run at once, and not only after its patience.
static bool yields;

static void barrier(void) {
    int passed = atomic_load_explicit(&shared->passed, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&shared->arrived, 1, memory_order_acq_rel) == processes - 1) {
        atomic_store_explicit(&shared->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&shared->passed, passed + 1, memory_order_release);
        return;
    }
    for (int turn = 0; atomic_load_explicit(&shared->passed, memory_order_acquire) == passed; turn++) {
        if (yields || turn > patience) sched_yield();
        else __builtin_ia32_pause();
    }
}

/// Takes one repetition's time on this rank; rank 0 keeps the mean of all, and its clock decides for all whether to measure
/// once more, which is returned. The barrier also keeps the next fill away from a late reader.
static bool agree(int rank, int round, double milliseconds, struct times *times, double started, double seconds) {
    shared->milliseconds[rank] = milliseconds;
    if (rank == 0) shared->goes_on = round + 1 < warm_up + least_repetitions || now() - started < seconds;
    barrier();
    bool goes_on = shared->goes_on;
    // The others write their next ones behind another barrier.
    if (rank == 0 && round >= warm_up) {
        double sum = 0;
        for (int other = 0; other < processes; other++) sum += shared->milliseconds[other];
        append(times, sum / processes);
    }
    return goes_on;
}

static void *map(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) return memory;
    fprintf(stderr, "no shared memory of %zu bytes: %s\n", bytes, strerror(errno));
    exit(1);
}

/// Waits for all; when one fails the others would wait for it forever, so they are ended.
static int await(const pid_t *children, int count) {
    int failed = 0;
    for (int left = count; left > 0; left--) {
        int status;
        if (wait(&status) < 0) return 1;
        if (status == 0 || failed) continue;
        failed = 1;
        for (int index = 0; index < count; index++) kill(children[index], SIGKILL);
    }
    return failed;
}

/// Reads the command line, then runs `measure` for each size in a process for each rank; `prepare` comes before them.
/// `variant` is the word that may end the command line, `varies` whether it does.
static int run_probe(
    int argc, char **argv, const char *variant, bool *varies, int most, void (*prepare)(size_t largest),
    void (*measure)(int rank, size_t count, double seconds, struct times *times)
) {
    size_t sizes[maximum_sizes], largest = 0;
    *varies = argc == 5 && strcmp(argv[4], variant) == 0;
    if (*varies) argc--;
    processes = argc == 4 ? atoi(argv[1]) : 0;
    int count = argc == 4 ? parse_sizes(argv[2], sizes) : 0;
    double seconds = argc == 4 ? parse_seconds(argv[3]) : -1;
    if (processes < 1 || processes > most || count == 0 || seconds < 0) {
        const char *usage = "usage: %s PROCESSES BYTES,… SECONDS [%s] (at most %d processes; multiples of 4)\n";
        fprintf(stderr, usage, argv[0], variant, most);
        return 2;
    }
    for (int index = 0; index < count; index++) largest = sizes[index] > largest ? sizes[index] : largest;
    yields = processes > sysconf(_SC_NPROCESSORS_ONLN);
    shared = map(sizeof(struct shared));
    prepare(largest);

    pid_t children[maximum_processes], parent = getpid();
    for (int rank = 0; rank < processes; rank++) {
        children[rank] = fork();
        if (children[rank] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) return 1;
            struct times times = {0};
            for (int index = 0; index < count; index++) {
                measure(rank, sizes[index] / 4, seconds, &times);
                if (rank == 0) report(&times, sizes[index], processes);
                times.count = 0;
            }
            return 0;
        }
        if (children[rank] < 0) {
            fprintf(stderr, "no process for rank %d: %s\n", rank, strerror(errno));
            for (int started = 0; started < rank; started++) kill(children[started], SIGKILL);
            return 1;
        }
    }
    return await(children, processes);
}
