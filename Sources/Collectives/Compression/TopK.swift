import CReduction

/// The largest elements alone: each rank sends those of largest magnitude with their indices and keeps the others in its
/// residual (Aji & Heafield 2017, "Sparse communication for distributed gradient descent"; with error feedback as in
/// Stich et al. 2018, "Sparsified SGD with memory").
///
/// k = ⌈fraction · count⌉ elements, of equal ones those of lower index, so that all ranks send as much. An all-gather
/// gives all ranks all lists, which they sum in rank order. What is sent is exact.
///
/// NaNs and infinities are larger than all numbers: up to k of a rank's are sent and stay in their elements; the others
/// are dropped, with what their elements' residuals held.
public final class TopK: GradientCompressor {
    public private(set) var traffic = CompressionTraffic()
    private let residual: Storage<Float>
    /// The number of elements that each rank sends.
    public let kept: Int
    /// For each rank the indices and then the values, all 32 bits wide.
    private var lists = Storage<Int32>(count: 0)

    /// - Parameters:
    ///   - count: the number of elements of the bucket, at most `Int32.max`.
    ///   - fraction: the share to send, above 0 and at most 1.
    public init(count: Int, fraction: Double) {
        precondition(count <= Int32.max, "indices have 32 bits")
        precondition(fraction > 0 && fraction <= 1, "a fraction is above 0 and at most 1")
        residual = Storage(count: count)
        kept = min(count, Int((fraction * Double(count)).rounded(.up)))
    }

    public func reset() {
        residual.zero()
    }

    public func allReduceSum(_ gradient: UnsafeMutableBufferPointer<Float>, over communicator: Communicator) throws {
        try communicator.check(gradient, count: residual.count)
        guard let values = gradient.baseAddress, gradient.count > 0 else { return }
        compression_add(values, residual.start, gradient.count)
        let ranks = communicator.size
        guard ranks > 1 else { return residual.zero() }
        let length = 2 * kept
        if lists.count != length * ranks { lists = Storage(count: length * ranks) }

        let own = lists.start + communicator.rank * length
        compression_select_largest(own, own + kept, values, gradient.count, kept)
        try communicator.allGather(
            UnsafeBufferPointer(start: own, count: length), counts: Array(repeating: length, count: ranks),
            into: lists.buffer)
        try communicator.perform("top-k sum") { try checkIndices(ranks: ranks) }

        // Only now, so that an error leaves the residual.
        compression_keep_finite(residual.start, values, gradient.count)
        for index in 0..<kept { residual.start[Int(own[index])] = 0 }
        gradient.update(repeating: 0)
        for rank in 0..<ranks {
            let list = lists.start + rank * length
            compression_scatter_add(values, list, list + kept, kept)
        }
        traffic.addUncompressed(count: gradient.count, ranks: ranks)
        traffic.addAllGather(bytes: lists.count * MemoryLayout<Int32>.stride, ranks: ranks)
    }

    /// A peer's indices are not to be trusted.
    private func checkIndices(ranks: Int) throws {
        for rank in 0..<ranks {
            let indices = UnsafeBufferPointer(start: lists.start + rank * 2 * kept, count: kept)
            // As unsigned numbers, negative ones are large.
            let largest = indices.reduce(0) { max($0, UInt32(bitPattern: $1)) }
            guard largest < residual.count else {
                throw CollectiveError(
                    .transport("rank \(rank) sent index \(largest) of a gradient of \(residual.count) elements"))
            }
        }
    }
}
