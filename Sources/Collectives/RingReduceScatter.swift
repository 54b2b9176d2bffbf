extension Communicator {
    /// Reduce-scatter in a ring with parts of any sizes.
    ///
    /// `size - 1` steps; each rank sends all parts but one and receives all but one. Rank `r` begins with the part of its
    /// left neighbour, so that its own arrives last, complete.
    func ringReduceScatter(
        _ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>], _ reduction: Reduction
    ) throws {
        guard size > 1 else { return }
        let place = ring.firstIndex(of: rank) ?? 0
        let arrivals = (2...size).map { (segment: (place - $0 + size) % size, action: RingPass.Arrival.reduce) }
        let pass = RingPass(
            memory: memory, ring: ring, place: place, segments: ring.map { parts[$0] },
            first: (place - 1 + size) % size, arrivals: arrivals,
            chunkBytes: chunkBytes(forSegmentsUpTo: parts.map(\.count).max() ?? 0))
        try run(pass, reduction)
    }
}
