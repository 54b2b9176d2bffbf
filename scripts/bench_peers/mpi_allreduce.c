// All-reduce (float32, sum, in place) with MPI: a peer of `scripts/bench collectives`.
//
//     mpicc -O3 -march=native mpi_allreduce.c -o mpi_allreduce
//     mpirun -np 2 --mca btl tcp,self --mca btl_tcp_if_include lo mpi_allreduce 4096,1048576 SECONDS
//
// Prints one JSON object a line: bytes, processes, min_ms, median_ms, repetitions. Every result is verified. A repetition
// is timed on each rank, between a barrier and the end of its call; its time is the mean over the ranks. Filling and
// verifying are outside.
#include <mpi.h>

#include "measuring.h"

static void measure(float *values, size_t bytes, double seconds, int rank, int processes, struct times *times) {
    size_t count = bytes / 4;
    double started = now();
    int goes_on = 1;
    for (int round = 0; goes_on; round++) {
        fill(values, count, rank);
        MPI_Barrier(MPI_COMM_WORLD);
        double begin = now();
        MPI_Allreduce(MPI_IN_PLACE, values, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        double elapsed = now() - begin;
        if (!is_sum(values, count, processes)) {
            fprintf(stderr, "mpi_allreduce: wrong sum over %zu elements on rank %d\n", count, rank);
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
        if (round >= warm_up) append(times, elapsed * 1e3);
        // Rank 0's clock decides for all.
        goes_on = times->count < least_repetitions || now() - started < seconds;
        MPI_Bcast(&goes_on, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
    // The mean over the ranks of each repetition.
    MPI_Allreduce(MPI_IN_PLACE, times->values, (int)times->count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    for (size_t index = 0; index < times->count; index++) times->values[index] /= processes;
}

int main(int argc, char **argv) {
    size_t sizes[maximum_sizes];
    MPI_Init(&argc, &argv);
    int rank, processes;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &processes);
    int count = argc == 3 ? parse_sizes(argv[1], sizes) : 0;
    double seconds = argc == 3 ? parse_seconds(argv[2]) : -1;
    if (count == 0 || seconds < 0) {
        if (rank == 0) fputs("usage: mpi_allreduce BYTES,BYTES,… SECONDS (sizes are multiples of 4)\n", stderr);
        MPI_Finalize();
        return 2;
    }
    struct times times = {0};
    for (int index = 0; index < count; index++) {
        float *values = aligned_alloc(64, (sizes[index] + 63) / 64 * 64);
        if (!values) {
            fprintf(stderr, "mpi_allreduce: no memory for %zu bytes\n", sizes[index]);
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
        measure(values, sizes[index], seconds, rank, processes, &times);
        free(values);
        if (rank == 0) report(&times, sizes[index], processes);
        times.count = 0;
    }
    MPI_Finalize();
    return 0;
}
