extension Communicator {
    /// All-gather in a ring with parts of any sizes; this rank's part is in its place already.
    ///
    /// `size - 1` steps; each rank sends all parts but its right neighbour's and receives all but its own.
    func ringAllGather(_ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>]) throws {
        guard size > 1 else { return }
        let arrivals = (1..<size).map { (segment: (rank - $0 + size) % size, action: RingPass.Arrival.store) }
        let pass = RingPass(
            memory: memory, segments: parts, first: rank, arrivals: arrivals,
            chunkBytes: chunkBytes(forSegmentsUpTo: parts.map(\.count).max() ?? 0))
        try run(pass, nil)
    }
}
