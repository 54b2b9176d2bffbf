import CReduction

/// Gradients rounded to 16 bits and all-reduced in them: half the bytes.
///
/// Each rank's value is rounded once and each addition of the all-reduce once more, always to nearest even, so that of p
/// ranks the error is at most about p · 2⁻¹¹ (float16) or p · 2⁻⁸ (bfloat16) of the sum of the magnitudes. There is no
/// residual. An infinity or NaN stays in its element.
public final class HalfPrecision: GradientCompressor {
    public enum Format: Sendable, CaseIterable {
        /// 11 bits of precision, from 6·10⁻⁸ to 65,504: larger sums are infinite, smaller values vanish.
        case float16
        /// 8 bits of precision, the range of float32.
        case bfloat16
    }

    public private(set) var traffic = CompressionTraffic()
    private let format: Format
    /// The bit patterns.
    private let halves: Storage<UInt16>

    /// - Parameter count: the number of elements of the bucket.
    public init(_ format: Format, count: Int) {
        self.format = format
        halves = Storage(count: count)
    }

    public func allReduceSum(_ gradient: UnsafeMutableBufferPointer<Float>, over communicator: Communicator) throws {
        try communicator.check(gradient, count: halves.count)
        guard communicator.size > 1 else { return }
        let raw = UnsafeMutableRawBufferPointer(halves.buffer)
        switch format {
        case .float16:
            compression_to_float16(raw.baseAddress, gradient.baseAddress, gradient.count)
            try communicator.allReduce(raw.assumingMemoryBound(to: Float16.self), .sum)
            compression_from_float16(gradient.baseAddress, raw.baseAddress, gradient.count)
        case .bfloat16:
            compression_to_bfloat16(raw.baseAddress, gradient.baseAddress, gradient.count)
            try communicator.allReduce(raw.assumingMemoryBound(to: BFloat16.self), .sum)
            compression_from_bfloat16(gradient.baseAddress, raw.baseAddress, gradient.count)
        }
        traffic.addUncompressed(count: gradient.count, ranks: communicator.size)
        traffic.addAllReduce(bytes: raw.count, ranks: communicator.size)
    }

    public func reset() {}
}
