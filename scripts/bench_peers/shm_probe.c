// A bare all-reduce (float32, sum, in place) within a host: direct memory traffic and nothing else.
//
//     cc -O3 -march=native shm_probe.c -o shm_probe
//     shm_probe PROCESSES 4096,1048576 SECONDS [writes]
//
// Every process maps every buffer, reduces its own 1/N part straight from all of them, passes a barrier and copies the
// other parts. There is no protocol: no waiting for others' values before or for late readers after, no names, no
// failures. It is a yardstick and no lower bound: with `writes` each sum is written to every buffer while it is in the
// cache, which moves less, between two barriers, as an all-reduce has to that knows nothing of what came before. Prints
// one JSON object a line like mpi_allreduce.c, timed and verified the same way.
#include "forked.h"

enum { block = 2048 };

static float *buffers[maximum_processes];
static bool writes;

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

/// Replaces elements of every buffer by their sum, block by block.
static void reduce_for_all(size_t start, size_t end) {
    static float sums[block];
    float *first = buffers[0], *last = buffers[processes - 1];
    for (size_t from = start; from < end; from += block) {
        size_t count = end - from < block ? end - from : block;
        memcpy(sums, first + from, count * sizeof(float));
        for (int other = 1; other < processes - 1; other++) {
            const float *restrict values = buffers[other] + from;
            for (size_t index = 0; index < count; index++) sums[index] += values[index];
        }
        float *restrict one = first + from, *restrict another = last + from;
        for (size_t index = 0; index < count; index++) one[index] = another[index] = sums[index] + another[index];
        for (int other = 1; other < processes - 1; other++) memcpy(buffers[other] + from, one, count * sizeof(float));
    }
}

static void all_reduce(int rank, size_t count) {
    if (writes && processes > 1) {
        barrier();
        reduce_for_all(count * rank / processes, count * (rank + 1) / processes);
        return barrier();
    }
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
        goes_on = agree(rank, round, elapsed * 1e3, times, started, seconds);
    }
}

static void prepare(size_t largest) {
    for (int rank = 0; rank < processes; rank++) buffers[rank] = map(largest);
}

int main(int argc, char **argv) {
    return run_probe(argc, argv, "writes", &writes, maximum_processes, prepare, measure);
}
