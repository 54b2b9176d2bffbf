/// The plain all-reduce in float32, where a compressor is asked for and none is wanted.
public final class Uncompressed: GradientCompressor {
    public private(set) var traffic = CompressionTraffic()
    private let count: Int

    /// - Parameter count: the number of elements of the bucket.
    public init(count: Int) {
        self.count = count
    }

    public func allReduceSum(_ gradient: UnsafeMutableBufferPointer<Float>, over communicator: Communicator) throws {
        try communicator.check(gradient, count: count)
        try communicator.allReduce(gradient, .sum)
        traffic.addUncompressed(count: count, ranks: communicator.size)
        traffic.addAllReduce(bytes: count * MemoryLayout<Float>.stride, ranks: communicator.size)
    }

    public func reset() {}
}
