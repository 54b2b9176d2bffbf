extension Communicator {
    /// All-gather in a ring with parts of any sizes; this rank's part is in its place already.
    ///
    /// `size - 1` steps; each rank sends all parts but its right neighbour's and receives all but its own.
    func ringAllGather(_ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>]) throws {
        guard size > 1 else { return }
        let place = ring.firstIndex(of: rank) ?? 0
        let arrivals = (1..<size).map { (segment: (place - $0 + size) % size, action: RingPass.Arrival.store) }
        let pass = RingPass(
            memory: memory, ring: ring, place: place, segments: ring.map { parts[$0] }, first: place,
            arrivals: arrivals,
            chunkBytes: chunkBytes(forSegmentsUpTo: parts.map(\.count).max() ?? 0))
        try run(pass, nil)
    }
}
