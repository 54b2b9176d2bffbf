import CTorch

/// What concerns libtorch as a whole.
public enum TorchRuntime {
    /// The version of libtorch that this binary was built against, for example `1.13.1`.
    public static var version: String { String(cString: ct_version()) }

    /// The number of threads within one operation.
    public static var threads: Int { Int(ct_threads()) }

    /// Sets the number of threads within one operation; throws `TorchError` unless it is positive.
    public static func setThreads(_ count: Int) throws {
        try check("setThreads", []) { ct_set_threads(Int32(clamping: count)) }
    }

    /// Tensors alive now, of all threads: a debugging aid for finding leaks.
    public static var liveTensors: Int { ct_live_handles() }
}

/// Runs `body` without recording for autograd on this thread.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_gradient_mode(0)
    defer { _ = ct_set_gradient_mode(before) }
    return try body()
}
