import CTorch

/// The memory of tensors, counted where libtorch takes and frees it.
public enum TensorMemory {
    /// Counts tensors from now on; to be called at the start. Those of before are never counted.
    public static func count() { ct_count_memory() }

    /// Bytes of all counted tensors that are alive, of all threads; memory that tensors only view is not among them.
    public static var bytes: Int { ct_memory() }

    /// The most that there were since the last `resetPeak`.
    public static var peakBytes: Int { ct_peak_memory() }

    public static func resetPeak() { ct_reset_peak_memory() }
}
