// What the C programs of this folder share: their command line, the values they sum, their check and their report.
#pragma once

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { maximum_sizes = 32, warm_up = 2, least_repetitions = 3 };

/// The sizes in bytes, multiples of 4, of a list such as "4096,1048576"; how many, or 0 where the list is not one.
static inline int parse_sizes(const char *list, size_t sizes[maximum_sizes]) {
    int count = 0;
    for (const char *at = list;; at++) {
        char *end;
        errno = 0;
        long size = strtol(at, &end, 10);
        if (end == at || errno || size < 4 || size % 4 || size > 4L << 30 || count == maximum_sizes) return 0;
        sizes[count++] = (size_t)size;
        if (!*end) return count;
        if (*end != ',') return 0;
        at = end;
    }
}

/// Seconds of a word such as "0.5", or -1.
static inline double parse_seconds(const char *word) {
    char *end;
    double seconds = strtod(word, &end);
    return *word && !*end && isfinite(seconds) && seconds >= 0 ? seconds : -1;
}

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/// After so many elements their values repeat.
enum { period = 1021 };

// The first period is filled and checked by loops that the compiler makes vectors of, the others as copies of it. Where
// processes share cores, one that is through checks its sums on the core that another one, whose time is taken, waits for.

/// Small whole numbers, so that their sum is exact in any order.
static inline void fill(float *values, size_t count, int rank) {
    int first = count < period ? (int)count : period;
    for (int index = 0; index < first; index++) values[index] = (float)(index + rank);
    for (size_t start = period; start < count; start += period) {
        size_t length = count - start < period ? count - start : period;
        memcpy(values + start, values, length * sizeof(float));
    }
}

static inline bool is_sum(const float *values, size_t count, int processes) {
    int first = count < period ? (int)count : period;
    int offset = processes * (processes - 1) / 2, wrong = 0;
    for (int index = 0; index < first; index++) wrong |= values[index] != (float)(index * processes + offset);
    if (wrong) return false;
    return count <= period || memcmp(values, values + period, (count - period) * sizeof(float)) == 0;
}

/// Milliseconds of each repetition.
struct times {
    double *values;
    size_t count, capacity;
};

static inline void append(struct times *times, double milliseconds) {
    if (times->count == times->capacity) {
        times->capacity = times->capacity ? 2 * times->capacity : 1024;
        times->values = realloc(times->values, times->capacity * sizeof(double));
        if (!times->values) {
            fputs("out of memory\n", stderr);
            exit(1);
        }
    }
    times->values[times->count++] = milliseconds;
}

static inline int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/// Prints one size's line of JSON and forgets its times.
static inline void report(struct times *times, size_t bytes, int processes) {
    qsort(times->values, times->count, sizeof(double), ascending);
    printf("{\"bytes\": %zu, \"processes\": %d, \"min_ms\": %.5f, \"median_ms\": %.5f, \"repetitions\": %zu}\n", bytes,
           processes, times->values[0], times->values[times->count / 2], times->count);
    fflush(stdout);
    times->count = 0;
}
