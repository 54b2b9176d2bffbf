import Collectives

/// A buffer that goes through a collective, with values by which each result can be checked.
final class BenchedBuffer {
    private let collective: BenchedCollective
    private let sum: CollectiveBench.Sum
    private let buffer: UnsafeMutableBufferPointer<Float>
    private let communicator: Communicator
    private var scales: FixedPointScales
    private let compressor: (any GradientCompressor)?
    /// By rank: the elements of its part, for the collectives that have parts.
    private let counts: [Int]
    private let own: Range<Int>
    /// By rank: the values that it brings.
    private let brought: [BenchedValues]
    private let sums: BenchedValues
    /// What an all-to-all brings: this rank's part of every rank's buffer, one after the other.
    private let received: UnsafeMutableBufferPointer<Float>

    init(
        _ job: JobSpecification.CollectiveBenchJob, buffer: UnsafeMutableBufferPointer<Float>,
        communicator: Communicator
    ) {
        collective = job.collective
        sum = job.sum
        self.buffer = buffer
        self.communicator = communicator
        let ranks = communicator.size
        scales = FixedPointScales(count: buffer.count, addends: ranks)
        if case .compressed(let compression) = job.sum {
            compressor = compression.makeCompressor(layout: Self.layout(buffer.count), seed: 1)
        } else {
            compressor = nil
        }
        counts = evenCounts(buffer.count, over: ranks)
        let start = counts[..<communicator.rank].reduce(0, +)
        own = start..<start + counts[communicator.rank]
        brought = (0..<ranks).map { BenchedValues(addend: $0) }
        sums = BenchedValues(factor: ranks, addend: ranks * (ranks - 1) / 2)
        received = .allocate(capacity: job.collective == .allToAll ? own.count * ranks : 0)
    }

    deinit {
        received.deallocate()
    }

    /// One matrix, about as wide as a late layer of a ResNet, and a rest.
    private static func layout(_ count: Int) -> GradientLayout {
        let columns = 4608
        let rows = count / columns
        guard rows > 0 else { return GradientLayout(count: count, matrices: []) }
        return GradientLayout(count: count, matrices: [.init(rows: rows, columns: columns, offset: 0)])
    }

    /// What an all-reduce sends, as a share of what float32 would.
    var sentShare: Double {
        guard let compressor, compressor.uncompressedBytes > 0 else { return 1 }
        return Double(compressor.sentBytes) / Double(compressor.uncompressedBytes)
    }

    func fill(round: Int) {
        brought[communicator.rank].write(from: round, to: buffer[...])
    }

    func perform() throws {
        switch collective {
        case .allReduce:
            if let compressor {
                try compressor.allReduceSum(buffer, over: communicator)
            } else if sum == .orderFree {
                try communicator.allReduceOrderFree(buffer, scales: &scales)
            } else {
                try communicator.allReduce(buffer, .sum)
            }
        case .reduceScatter: try communicator.reduceScatter(buffer, counts: counts, .sum)
        case .allGather:
            try communicator.allGather(UnsafeBufferPointer(rebasing: buffer[own]), counts: counts, into: buffer)
        case .broadcast: try communicator.broadcast(buffer, root: 0)
        case .allToAll:
            try communicator.allToAll(
                UnsafeBufferPointer(buffer), sendCounts: counts, into: received,
                receiveCounts: Array(repeating: own.count, count: communicator.size))
        case .barrier: try communicator.barrier()
        }
    }

    /// The sums are of small whole numbers, so that they are exact in any order, and in fixed point. Compressed ones are
    /// not exact; that all ranks agree is left to the tests of the compressors.
    func verify(round: Int) throws {
        let ranks = communicator.size
        switch collective {
        case .barrier: return
        case .allReduce, .reduceScatter:
            guard compressor == nil else { return }
            let range = collective == .allReduce ? 0..<buffer.count : own
            try check(buffer[range], sums, from: range.lowerBound + round)
        case .broadcast:
            try check(buffer[...], brought[0], from: round)
        case .allGather:
            var start = 0
            for (rank, count) in counts.enumerated() {
                try check(buffer[start..<start + count], brought[rank], from: start + round)
                start += count
            }
        case .allToAll:
            for rank in 0..<ranks {
                let place = rank * own.count
                try check(received[place..<place + own.count], brought[rank], from: own.lowerBound + round)
            }
        }
    }

    private func check(
        _ values: Slice<UnsafeMutableBufferPointer<Float>>, _ expected: BenchedValues, from place: Int
    ) throws {
        guard let wrong = expected.firstDifference(from: place, in: values) else { return }
        throw Failure(
            .internalError,
            "\(collective.rawValue) of \(buffer.count * 4) bytes is wrong on rank \(communicator.rank): "
                + "element \(wrong) is \(values[wrong]), not \(expected[place + wrong - values.startIndex])")
    }
}
