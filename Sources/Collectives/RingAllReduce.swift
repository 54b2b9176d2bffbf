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
        try run(allReducePass(memory, over: ring, elementBytes: reduction.elementBytes), reduction)
    }

    /// The pass of an all-reduce over ranks in ring order, this one among them.
    func allReducePass(
        _ memory: UnsafeMutableRawBufferPointer, over ring: [Int], elementBytes: Int
    ) -> RingPass {
        let length = ring.count
        let place = ring.firstIndex(of: rank) ?? 0
        let segments = (0..<length).map {
            evenRange(member: $0, of: length, bytes: memory.count, alignment: elementBytes)
        }
        let reduced = (1..<length).map { (segment: (place - $0 + length) % length, action: RingPass.Arrival.reduce) }
        let gathered = (0..<length - 1).map {
            (segment: (place - $0 + length) % length, action: RingPass.Arrival.store)
        }
        return RingPass(
            memory: memory, ring: ring, place: place, segments: segments, first: place,
            arrivals: reduced + gathered,
            chunkBytes: chunkBytes(forSegmentsUpTo: segments.map(\.count).max() ?? 0))
    }
}
