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
        let isStaged = group.offset(of: UnsafeRawBufferPointer(memory)) == nil
        let feed = isStaged ? UnsafeRawBufferPointer(memory) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        let buffers = try enter(.allReduce, memory)
        if let places = buffers.inPlace {
            // Whole cache lines.
            return try divide(memory.count, bytesEach: 1, alignment: 64) {
                reduce(places, reduction, $0, into: places[0], copyingTo: places.dropFirst())
            }
        }
        let rounds = (memory.count + buffers.roundBytes - 1) / buffers.roundBytes
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let count = min(buffers.roundBytes, memory.count - start)
            let part = evenRange(member: group.member, of: size, bytes: count, alignment: reduction.elementBytes)
            let places = (0..<size).map { place($0, start, round, buffers) }
            reduce(places, reduction, part, into: places[0], copyingTo: places.dropFirst())
            stage(feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
            if isStaged { (memory.baseAddress! + start).copyMemory(from: ownStaging(round), byteCount: count) }
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
            work(evenRange(member: group.member, of: size, bytes: units, alignment: alignment))
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

    /// Reduces a range of bytes of the sources, in order, and writes the result to the same range of `target` and of
    /// `copies`, which may be sources.
    func reduce(
        _ sources: [UnsafeMutableRawPointer], _ reduction: Reduction, _ range: Range<Int>,
        into target: UnsafeMutableRawPointer, copyingTo copies: ArraySlice<UnsafeMutableRawPointer> = []
    ) {
        var start = range.lowerBound
        while start < range.upperBound {
            let count = min(Self.blockBytes, range.upperBound - start)
            let result = target + start
            var partial = sources[0] + start
            for source in sources[1...].dropLast() {
                reduction(partial, source + start, into: block, bytes: count)
                partial = block
            }
            if sources.count == 1 {
                if result != partial { result.copyMemory(from: partial, byteCount: count) }
            } else {
                // Straight to the target. Where that is the last source it must be the left operand; the bits do
                // not depend on which comes first.
                let last = sources[sources.count - 1] + start
                let (left, right) = result == last ? (last, partial) : (partial, last)
                reduction(left, right, into: result, bytes: count)
            }
            for copy in copies { (copy + start).copyMemory(from: result, byteCount: count) }
            start += count
        }
    }

    /// Leaves the reduction over the members at this member's range of its buffer; the rest is unspecified.
    func reduceScatter(
        _ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>], _ reduction: Reduction
    ) throws {
        let isStaged = group.offset(of: UnsafeRawBufferPointer(memory)) == nil
        let feed = isStaged ? UnsafeRawBufferPointer(memory) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        let buffers = try enter(.reduceScatter, memory)
        let rounds = (memory.count + buffers.roundBytes - 1) / buffers.roundBytes
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let range = start..<min(start + buffers.roundBytes, memory.count)
            let part = parts[group.member].clamped(to: range)
            if !part.isEmpty {
                let sources = (0..<size).map { place($0, start, round, buffers) }
                let here = part.lowerBound - start..<part.upperBound - start
                reduce(sources, reduction, here, into: memory.baseAddress! + start)
            }
            stage(feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }
}
