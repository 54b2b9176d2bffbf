extension SharedMemoryCollectives {
    /// Replaces each element by its reduction over the members, in member order; all have the same bits.
    func allReduce(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        if group.isCrowded, memory.count <= Self.lastAllReduceBytes {
            try allReduceByTheLast(memory, reduction)
        } else if memory.count <= Self.slotAllReduceBytes {
            try allReduceThroughSlots(memory, reduction)
        } else {
            try allReduceDirectly(memory, reduction)
        }
    }

    /// Begins the inside of an all-reduce of a large buffer over several hosts; nil if somebody's buffer is staged.
    func beginReduceToLeader(
        _ memory: UnsafeMutableRawBufferPointer, chunks: [Range<Int>], _ reduction: Reduction
    ) throws -> ReduceToLeader? {
        guard let places = try enter(.hierarchical, memory).inPlace else { return nil }
        return ReduceToLeader(self, memory, chunks: chunks, reduction, places: places, start: phase)
    }

    /// Every member reduces parts of the buffer straight from all others' and writes the result into all of them:
    /// two phases, `2n` bytes read and written, whatever the number of members.
    private func allReduceDirectly(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        let buffers = try enter(.allReduce, memory, bringing: 0..<memory.count)
        if let places = buffers.inPlace {
            // Whole cache lines.
            return try divide(memory.count, bytesEach: 1, alignment: 64) { reduceForAll(places, reduction, $0) }
        }
        let rounds = (memory.count + buffers.roundBytes - 1) / buffers.roundBytes
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let count = min(buffers.roundBytes, memory.count - start)
            let part = evenRange(member: member, of: size, bytes: count, alignment: reduction.elementBytes)
            withPlaces(from: start, round, buffers) { reduceForAll($0, reduction, part) }
            stage(buffers.feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
            if buffers.feed != nil {
                (memory.baseAddress! + start).copyMemory(from: ownStaging(round), byteCount: count)
            }
        }
    }

    /// Has each of `units` units of work done by one of the members, and returns when all are. Where members have a core
    /// each, every one has a part of its own; where they share cores, those that have one work for those that have not, so
    /// that nobody is waited for whose part is left to do.
    ///
    /// All members call it, after they entered a collective.
    ///
    /// - Parameters:
    ///   - bytesEach: what a unit takes of each member's buffer.
    ///   - alignment: what parts begin at a multiple of (units).
    func divide(_ units: Int, bytesEach: Int, alignment: Int = 1, _ work: (Range<Int>) -> Void) throws {
        guard group.isCrowded else {
            work(evenRange(member: member, of: size, bytes: units, alignment: alignment))
            return try synchronize()
        }
        guard units > 0 else { return }
        phase &+= 1
        // At least two pieces, so that two cores share a small buffer.
        let half = (units / 2 + alignment - 1) / alignment * alignment
        let pieceUnits = max(1, min(Self.pieceBytes / bytesEach, half))
        try group.share(pieces: (units + pieceUnits - 1) / pieceUnits, at: phase) { piece in
            let start = piece * pieceUnits
            work(start..<min(start + pieceUnits, units))
        }
    }

    /// Reduces a range of bytes of the sources, in order, into the same range of `target`, which may be one of them.
    func reduce(
        _ sources: Places, _ reduction: Reduction, _ range: Range<Int>, into target: UnsafeMutableRawPointer
    ) {
        let last = sources[sources.count - 1]
        inBlocks(range) { start, count in
            let result = target + start
            guard sources.count > 1 else {
                if target != last { result.copyMemory(from: last + start, byteCount: count) }
                return
            }
            let partial = reduceAllButLast(sources, reduction, from: start, count: count)
            // Straight to the target. Where that is the last source it must be the left operand; the bits do not depend on
            // which comes first.
            if target == last {
                reduction(last + start, partial, into: result, bytes: count)
            } else {
                reduction(partial, last + start, into: result, bytes: count)
            }
        }
    }

    /// Replaces a range of bytes of all `places` by its reduction over them, in order.
    func reduceForAll(_ places: Places, _ reduction: Reduction, _ range: Range<Int>) {
        guard places.count > 1 else { return }
        let first = places[0]
        let last = places[places.count - 1]
        inBlocks(range) { start, count in
            let partial = reduceAllButLast(places, reduction, from: start, count: count)
            // To both while they are at hand: another member's cache line is fetched once, and not once more to be written.
            reduction(partial, last + start, into: first + start, and: last + start, bytes: count)
            for place in places.dropFirst().dropLast() {
                (place + start).copyMemory(from: first + start, byteCount: count)
            }
        }
    }

    /// Where the reduction over all sources but the last one is, for some bytes.
    private func reduceAllButLast(
        _ sources: Places, _ reduction: Reduction, from start: Int, count: Int
    ) -> UnsafeMutableRawPointer {
        var partial = sources[0] + start
        for source in sources.dropFirst().dropLast() {
            reduction(partial, source + start, into: block, bytes: count)
            partial = block
        }
        return partial
    }

    /// Calls `body` with where each member's bytes from `start` on are during a round.
    private func withPlaces(from start: Int, _ round: Int, _ buffers: Buffers, _ body: (Places) -> Void) {
        var places = (0..<size).map { place($0, start, round, buffers) }
        places.withUnsafeMutableBufferPointer { body($0) }
    }

    /// Calls `body` with the pieces of a range, each short enough to stay in the first-level cache.
    private func inBlocks(_ range: Range<Int>, _ body: (_ start: Int, _ count: Int) -> Void) {
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(Self.blockBytes, range.upperBound - start)
            body(start, count)
            start += count
        }
    }

    /// Leaves the reduction over the members at this member's range of its buffer; the rest is unspecified.
    func reduceScatter(
        _ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>], _ reduction: Reduction
    ) throws {
        let buffers = try enter(.reduceScatter, memory, bringing: 0..<memory.count)
        let rounds = (memory.count + buffers.roundBytes - 1) / buffers.roundBytes
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let range = start..<min(start + buffers.roundBytes, memory.count)
            let part = parts[member].clamped(to: range)
            if !part.isEmpty {
                let here = part.lowerBound - start..<part.upperBound - start
                withPlaces(from: start, round, buffers) {
                    reduce($0, reduction, here, into: memory.baseAddress! + start)
                }
            }
            stage(buffers.feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }
}
