import CTorch

/// What concerns libtorch as a whole.
public enum TorchRuntime {
    /// The version of libtorch that this binary was built against, for example `1.13.1`.
    public static var version: String { String(cString: ct_version()) }

    /// The number of threads that an operation called on this thread uses.
    public static var threads: Int { Int(ct_threads()) }

    /// Sets the number of threads that an operation called on **this** thread uses (OpenMP keeps it for each thread by
    /// itself; `OMP_NUM_THREADS` in the environment is for all). Throws `TorchError` unless it is positive.
    public static func setThreads(_ count: Int) throws {
        try check("setThreads", []) { ct_set_threads(Int32(clamping: count)) }
    }

    /// Lets the process keep the memory that tensors free, for later tensors, in place of giving it back to the system.
    ///
    /// A training step frees and allocates the same large activations again and again. Given back and fetched anew, each
    /// page costs a fault, which for element-wise operations takes several times as long as the arithmetic. The process
    /// then stays as large as its largest step. To be called at the start; with another C library than glibc it has no
    /// effect.
    public static func keepFreedMemory() {
        ct_keep_freed_memory()
    }

    /// Whether operations on this thread are recorded for autograd.
    public static var isRecording: Bool { ct_gradient_mode() != 0 }

    /// Tensors alive now, of all threads: for finding leaks.
    public static var liveTensors: Int { ct_live_handles() }

    /// Tensors made minus tensors released by this thread: as `liveTensors`, undisturbed by what other threads do.
    public static var tensorBalanceOfThread: Int { ct_handle_balance() }
}

/// Runs `body` without recording for autograd on this thread.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_gradient_mode(0)
    defer { _ = ct_set_gradient_mode(before) }
    return try body()
}
