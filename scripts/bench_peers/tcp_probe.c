// What a ring all-reduce carries over loopback TCP, and nothing else.
//
//     cc -O3 -march=native -pthread tcp_probe.c -o tcp_probe
//     tcp_probe PROCESSES 1048576,16777216 SECONDS [sums]
//
// Every process sends 2(N−1)/N of a buffer to the next one while it receives as much from the one before: from its
// buffer, into another, by a thread each, with blocking calls. Nothing is added, nobody waits for a chunk before passing
// it on, and nothing tells messages apart. With `sums` what arrives in the first half is added to the buffer that is sent,
// without asking whether that part of it has left: it costs what a sum costs, and is none. Prints one JSON object a line
// like mpi_allreduce.c, timed the same way.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include "forked.h"

/// `system_holds`: of bytes on their way to a process, the same as ours has between workers of a host.
enum { call = 256 << 10, system_holds = 384 << 10 };

static int listeners[maximum_processes];
static struct sockaddr_in addresses[maximum_processes];
static char *buffers[maximum_processes];
static size_t capacity;
/// This process' ends of the ring.
static int next = -1, previous = -1;
static bool sums;

static void fail(const char *what) {
    fprintf(stderr, "tcp_probe: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void prepare(size_t largest) {
    capacity = largest;
    for (int rank = 0; rank < processes; rank++) {
        struct sockaddr_in *address = &addresses[rank];
        *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof *address;
        listeners[rank] = socket(AF_INET, SOCK_STREAM, 0);
        if (listeners[rank] < 0 || bind(listeners[rank], (struct sockaddr *)address, length) < 0 ||
            listen(listeners[rank], 1) < 0 || getsockname(listeners[rank], (struct sockaddr *)address, &length) < 0)
            fail("listen");
    }
}

static void join_ring(int rank) {
    int yes = 1, holds = system_holds;
    next = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in *address = &addresses[(rank + 1) % processes];
    if (next < 0 || setsockopt(next, SOL_SOCKET, SO_SNDBUF, &holds, sizeof holds) < 0 ||
        connect(next, (struct sockaddr *)address, sizeof *address) < 0)
        fail("connect");
    previous = accept(listeners[rank], NULL, NULL);
    if (previous < 0) fail("accept");
    if (setsockopt(next, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) fail("TCP_NODELAY");
    for (int half = 0; half < 2; half++) {
        buffers[half] = malloc(capacity);
        if (!buffers[half]) fail("memory");
        memset(buffers[half], rank, capacity);
    }
}

/// Adds what was received at `place` to what is sent from there, in whole floats.
static void add(size_t place, size_t length) {
    float *restrict sum = (float *)buffers[0] + place / sizeof(float);
    const float *restrict values = (const float *)buffers[1] + place / sizeof(float);
    for (size_t index = 0; index < length / sizeof(float); index++) sum[index] += values[index];
}

/// `total` bytes by calls of `transfer`, around and around in a buffer.
static void carry(char *buffer, size_t size, size_t total, int end, bool sends) {
    for (size_t done = 0; done < total;) {
        size_t place = done % size, length = total - done < call ? total - done : call;
        if (length > size - place) length = size - place;
        ssize_t moved = sends ? write(end, buffer + place, length) : read(end, buffer + place, length);
        if (moved <= 0) fail(sends ? "write" : "read");
        if (sums && !sends && done < total / 2) add(place, (size_t)moved);
        done += (size_t)moved;
    }
}

struct sending {
    size_t size, total;
};

static void *send_all(void *argument) {
    struct sending *sending = argument;
    carry(buffers[0], sending->size, sending->total, next, true);
    return NULL;
}

static void measure(int rank, size_t count, double seconds, struct times *times) {
    if (next < 0) join_ring(rank);
    struct sending sending = {count * 4, count * 4 / (size_t)processes * 2 * (size_t)(processes - 1)};
    double started = now();
    bool goes_on = true;
    for (int round = 0; goes_on; round++) {
        barrier();
        double begin = now();
        pthread_t thread;
        if (pthread_create(&thread, NULL, send_all, &sending) != 0) fail("thread");
        carry(buffers[1], sending.size, sending.total, previous, false);
        pthread_join(thread, NULL);
        double elapsed = now() - begin;
        goes_on = agree(rank, round, elapsed * 1e3, times, started, seconds);
    }
}

int main(int argc, char **argv) {
    return run_probe(argc, argv, "sums", &sums, maximum_processes, prepare, measure);
}
