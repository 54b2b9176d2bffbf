import CZeroMQ

/// How the C library's allocator treats large blocks.
enum LargeAllocations {
    /// Evaluated once for the process.
    ///
    /// libzmq allocates each large message anew. By default glibc maps blocks of 128 KiB and more afresh and unmaps them
    /// when freed, so that every chunk would cost 256 page faults and zeroed pages per mebibyte, more than its transport.
    /// Blocks up to 32 MiB, glibc's upper limit, now come from heaps, which keep what was freed.
    static let keep: Void = {
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, 256 << 20)
    }()
}
