extension Communicator {
    /// All-reduce in a ring (Patarasuk & Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of
    /// workstations"): a reduce-scatter and an all-gather without a pause between them.
    ///
    /// `2 (size - 1)` steps; each rank sends and receives `2 (size - 1) / size` of the buffer. A segment is summed along
    /// one path and copied from its end, so all ranks have the same bits.
    ///
    /// Buffers: what a rank sent in the first half is overwritten in the second by a result that contains it, so it has
    /// been delivered by then.
    func ringAllReduce(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        let segments = (0..<size).map {
            evenRange(member: $0, of: size, bytes: memory.count, alignment: reduction.elementBytes)
        }
        let reduced = (1..<size).map { (segment: (rank - $0 + size) % size, action: RingPass.Arrival.reduce) }
        let gathered = (0..<size - 1).map { (segment: (rank - $0 + size) % size, action: RingPass.Arrival.store) }
        let longest = segments.map(\.count).max() ?? 0
        let pass = RingPass(
            memory: memory, segments: segments, first: rank, arrivals: reduced + gathered,
            chunkBytes: chunkBytes(forSegmentsUpTo: longest))
        try run(pass, reduction)
    }
}
