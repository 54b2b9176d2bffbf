import Collectives
import ImagePipeline

/// Counts the images that cannot be read, each once whoever finds it, and ends the run when there are too many.
struct BadImageTally {
    /// Positions in the dataset; the same on every rank of a generation after `unite` and each `share`.
    private var known: Set<Int> = []

    /// A batch's bad images that nobody has reported yet, as far as this rank knows.
    func unreported(_ samples: [BadSample]) -> [BadSample] {
        samples.filter { !known.contains($0.index) }
    }

    /// Makes what any rank knows from generations before known to all, those included that have just joined. All ranks
    /// call it at the beginning of a generation.
    mutating func unite(over communicator: Communicator) throws {
        _ = try share(known.sorted(), over: communicator)
    }

    /// Makes every rank's finds known to all. All ranks call it, and only when at least one has found something.
    ///
    /// - Returns: those that are this rank's to report, because no lower rank has found them in the same step.
    mutating func share(_ found: [BadSample], over communicator: Communicator) throws -> [BadSample] {
        let others = try share(found.map(\.index), over: communicator)
        return found.filter { !others.contains($0.index) }
    }

    /// - Returns: what the lower ranks had.
    private mutating func share(_ positions: [Int], over communicator: Communicator) throws -> Set<Int> {
        var counts = [Int64](repeating: 0, count: communicator.size)
        counts[communicator.rank] = Int64(positions.count)
        try counts.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        let own = positions.map(Int64.init)
        var all = [Int64](repeating: 0, count: Int(counts.reduce(0, +)))
        try own.withUnsafeBufferPointer { own in
            try all.withUnsafeMutableBufferPointer { all in
                try communicator.allGather(own, counts: counts.map(Int.init), into: all)
            }
        }
        known.formUnion(all.map(Int.init))
        let before = counts[..<communicator.rank].reduce(0, +)
        return Set(all.prefix(Int(before)).map(Int.init))
    }

    /// - Throws: `TrainingError.tooManyBadImages` once more than `limit` of the dataset is unreadable.
    func check(of count: Int, limit: Double) throws {
        guard Double(known.count) <= limit * Double(count) else {
            throw TrainingError.tooManyBadImages(bad: known.count, total: count, limit: limit)
        }
    }
}
