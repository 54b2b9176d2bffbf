// A bare all-reduce (float32, sum, in place) within a host: direct memory traffic and nothing else.
//
//     cc -O3 -march=native shm_probe.c -o shm_probe
//     shm_probe PROCESSES 4096,1048576 SECONDS
//
// Every process maps every buffer, reduces its own 1/N part straight from all of them, passes a barrier and copies the
// other parts. There is no protocol: no waiting for late readers after the copy, no names, no failures. It is a yardstick
// and no lower bound: writing each sum to every buffer while it is in the cache moves less. Prints one JSON object a
// line like mpi_allreduce.c, timed and verified the same way.
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

enum { maximum_processes = 64, block = 2048, patience = 4096 };

struct shared {
    _Alignas(64) atomic_int arrived;
    _Alignas(64) atomic_int passed;
    _Alignas(64) atomic_bool goes_on;
};

static struct shared *shared;
static float *buffers[maximum_processes];
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

/// Adds `count` elements of every buffer from `start` on into `own`, block by block so that a sum stays in the cache.
static void reduce(float *own, int rank, size_t start, size_t end) {
    for (size_t from = start; from < end; from += block) {
        size_t count = end - from < block ? end - from : block;
        float *restrict sum = own + from;
        for (int other = 0; other < processes; other++) {
            if (other == rank) continue;
            const float *restrict values = buffers[other] + from;
            for (size_t index = 0; index < count; index++) sum[index] += values[index];
        }
    }
}

static void all_reduce(int rank, size_t count) {
    float *own = buffers[rank];
    reduce(own, rank, count * rank / processes, count * (rank + 1) / processes);
    barrier();
    for (int step = 1; step < processes; step++) {
        int other = (rank + step) % processes;
        size_t start = count * other / processes, end = count * (other + 1) / processes;
        memcpy(own + start, buffers[other] + start, (end - start) * sizeof(float));
    }
}

static void measure(int rank, size_t count, double seconds, struct times *times) {
    double started = now();
    bool goes_on = true;
    for (int round = 0; goes_on; round++) {
        fill(buffers[rank], count, rank);
        barrier();
        double begin = now();
        all_reduce(rank, count);
        double elapsed = now() - begin;
        if (!is_sum(buffers[rank], count, processes)) {
            fprintf(stderr, "shm_probe: wrong sum over %zu elements on rank %d\n", count, rank);
            _exit(1);
        }
        if (round >= warm_up) append(times, elapsed * 1e3);
        // Rank 0's clock decides for all; the second barrier also keeps the next fill away from a late reader.
        if (rank == 0) shared->goes_on = times->count < least_repetitions || now() - started < seconds;
        barrier();
        goes_on = shared->goes_on;
    }
}

static int run(int rank, const size_t *sizes, int count, double seconds) {
    struct times times = {0};
    for (int index = 0; index < count; index++) {
        measure(rank, sizes[index] / 4, seconds, &times);
        if (rank == 0) report(&times, sizes[index], processes);
        times.count = 0;
    }
    return 0;
}

static void *map(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) return memory;
    fprintf(stderr, "shm_probe: no shared memory of %zu bytes: %s\n", bytes, strerror(errno));
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

int main(int argc, char **argv) {
    size_t sizes[maximum_sizes], largest = 0;
    processes = argc == 4 ? atoi(argv[1]) : 0;
    int count = argc == 4 ? parse_sizes(argv[2], sizes) : 0;
    double seconds = argc == 4 ? parse_seconds(argv[3]) : -1;
    if (processes < 1 || processes > maximum_processes || count == 0 || seconds < 0) {
        const char *usage = "usage: shm_probe PROCESSES BYTES,… SECONDS (at most %d processes; multiples of 4)\n";
        fprintf(stderr, usage, maximum_processes);
        return 2;
    }
    for (int index = 0; index < count; index++) largest = sizes[index] > largest ? sizes[index] : largest;
    yields = processes > sysconf(_SC_NPROCESSORS_ONLN);
    shared = map(sizeof(struct shared));
    for (int rank = 0; rank < processes; rank++) buffers[rank] = map(largest);

    pid_t children[maximum_processes], parent = getpid();
    for (int rank = 0; rank < processes; rank++) {
        children[rank] = fork();
        if (children[rank] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            return getppid() == parent ? run(rank, sizes, count, seconds) : 1;
        }
        if (children[rank] < 0) {
            fprintf(stderr, "shm_probe: no process for rank %d: %s\n", rank, strerror(errno));
            for (int started = 0; started < rank; started++) kill(children[started], SIGKILL);
            return 1;
        }
    }
    return await(children, processes);
}
