import CReduction

/// Gradients as bytes: blocks of 256 elements share a scale, the largest magnitude of the block / 127 (Dettmers 2015,
/// "8-bit approximations for parallelism in deep learning"; blocks as in Dettmers et al. 2022, "8-bit optimizers via
/// block-wise quantization").
///
/// Two stages, as bytes of different scales cannot be added on their way: an all-to-all gives each rank everybody's
/// codes of its part of the bucket; it sums them in float32 in rank order, quantises the sum, and an all-gather spreads
/// it. Both stages have error feedback: a rank keeps what its own codes left out, and what the codes of its part's sum
/// left out.
///
/// A sum is off by at most half a scale for each rank's block and half of the sum's. A block that has an infinity or NaN
/// on any rank is all NaN; the residual of that block becomes zero on the ranks whose own was not finite and on the one
/// that summed it. When rank or world size change, the second residual moves into the first: what this rank left out is
/// still added, only as a summand.
public final class BlockwiseInt8: GradientCompressor {
    public private(set) var traffic = CompressionTraffic()
    /// What the codes of this rank's gradients left out.
    private let residual: Storage<Float>
    private var stage: Stage?

    /// What depends on rank and world size.
    private struct Stage {
        let rank: Int
        let partition: BlockPartition
        /// Own codes of all parts.
        let outgoing: Storage<Int32>
        /// Everybody's codes of the own part.
        let incoming: Storage<Int32>
        /// The sum's codes of all parts.
        let gathered: Storage<Int32>
        let sum: Storage<Float>
        /// What the codes of the sum left out.
        let residual: Storage<Float>

        init(count: Int, rank: Int, size: Int) {
            self.rank = rank
            partition = BlockPartition(count: count, ranks: size)
            outgoing = Storage(count: partition.totalWords)
            incoming = Storage(count: partition.words[rank] * size)
            gathered = Storage(count: partition.totalWords)
            sum = Storage(count: partition.parts[rank].count)
            residual = Storage(count: partition.parts[rank].count)
        }

        var part: Range<Int> { partition.parts[rank] }
    }

    /// - Parameter count: the number of elements of the bucket.
    public init(count: Int) {
        residual = Storage(count: count)
    }

    public func reset() {
        residual.zero()
        stage?.residual.zero()
    }

    public func allReduceSum(_ gradient: UnsafeMutableBufferPointer<Float>, over communicator: Communicator) throws {
        try communicator.check(gradient, count: residual.count)
        guard let values = gradient.baseAddress, gradient.count > 0 else { return }
        let stage = stage(for: communicator)
        compression_add(values, residual.start, gradient.count)
        guard communicator.size > 1 else { return residual.zero() }
        let partition = stage.partition
        let own = partition.words[stage.rank]

        Self.quantise(values, partition, into: stage.outgoing)
        try communicator.allToAll(
            UnsafeBufferPointer(stage.outgoing.buffer), sendCounts: partition.words, into: stage.incoming.buffer,
            receiveCounts: Array(repeating: own, count: communicator.size))
        Self.sum(stage, ranks: communicator.size)
        let place = stage.gathered.start + partition.starts[stage.rank]
        let (scales, codes) = BlockPartition.fields(of: place, count: stage.part.count)
        compression_quantise(scales, codes, stage.sum.start, stage.part.count)
        try communicator.allGather(
            UnsafeBufferPointer(start: place, count: own), counts: partition.words, into: stage.gathered.buffer)

        // Only now, so that an error leaves the residuals.
        compression_quantisation_error(stage.residual.start, stage.sum.start, scales, codes, stage.part.count)
        for (part, start) in zip(partition.parts, partition.starts) {
            let (scales, codes) = BlockPartition.fields(of: stage.outgoing.start + start, count: part.count)
            compression_quantisation_error(
                residual.start + part.lowerBound, values + part.lowerBound, scales, codes, part.count)
            let (sumScales, sumCodes) = BlockPartition.fields(of: stage.gathered.start + start, count: part.count)
            compression_dequantise(values + part.lowerBound, sumScales, sumCodes, part.count)
        }
        let word = MemoryLayout<Int32>.stride
        traffic.addUncompressed(count: gradient.count, ranks: communicator.size)
        traffic.addAllToAll(bytes: (partition.totalWords - own) * word)
        traffic.addAllGather(bytes: partition.totalWords * word, ranks: communicator.size)
    }

    private static func quantise(
        _ values: UnsafeMutablePointer<Float>, _ partition: BlockPartition, into messages: Storage<Int32>
    ) {
        for (part, start) in zip(partition.parts, partition.starts) {
            let (scales, codes) = BlockPartition.fields(of: messages.start + start, count: part.count)
            compression_quantise(scales, codes, values + part.lowerBound, part.count)
        }
    }

    /// Sums everybody's codes of the own part, in rank order, and the part's residual.
    private static func sum(_ stage: Stage, ranks: Int) {
        let count = stage.part.count
        for source in 0..<ranks {
            let message = stage.incoming.start + source * stage.partition.words[stage.rank]
            let (scales, codes) = BlockPartition.fields(of: message, count: count)
            if source == 0 {
                compression_dequantise(stage.sum.start, scales, codes, count)
            } else {
                compression_dequantise_add(stage.sum.start, scales, codes, count)
            }
        }
        compression_add(stage.sum.start, stage.residual.start, count)
    }

    /// The stage in use or, after rank or size changed, a new one.
    private func stage(for communicator: Communicator) -> Stage {
        if let stage, stage.rank == communicator.rank, stage.partition.parts.count == communicator.size {
            return stage
        }
        if let old = stage {
            compression_add(residual.start + old.part.lowerBound, old.residual.start, old.part.count)
        }
        let new = Stage(count: residual.count, rank: communicator.rank, size: communicator.size)
        stage = new
        return new
    }
}
