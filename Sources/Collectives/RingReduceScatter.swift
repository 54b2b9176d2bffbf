extension Communicator {
    /// Reduce-scatter in a ring with parts of any sizes.
    ///
    /// `size - 1` steps; each rank sends all parts but one and receives all but one. Rank `r` begins with the part of its
    /// left neighbour, so that its own arrives last, complete.
    func ringReduceScatter(
        _ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>], _ reduction: Reduction
    ) throws {
        guard size > 1 else { return }
        let arrivals = (2...size).map { (segment: (rank - $0 + size) % size, action: RingPass.Arrival.reduce) }
        let pass = RingPass(
            memory: memory, segments: parts, first: (rank - 1 + size) % size, arrivals: arrivals,
            chunkBytes: chunkBytes(forSegmentsUpTo: parts.map(\.count).max() ?? 0))
        try run(pass, reduction)
    }
}
