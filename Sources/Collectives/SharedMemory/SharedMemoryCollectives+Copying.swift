extension SharedMemoryCollectives {
    /// Fills every member's buffer with all members' parts; this member's is in its place already.
    func allGather(_ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>]) throws {
        let buffers = try enter(.allGather, memory, bringing: parts[member])
        let longest = parts.map(\.count).max() ?? 0
        let rounds = (longest + buffers.roundBytes - 1) / max(buffers.roundBytes, 1)
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            for distance in 1..<max(size, 1) {
                let other = (member + distance) % size
                let part = parts[other]
                guard start < part.count else { continue }
                let count = min(buffers.roundBytes, part.count - start)
                (memory.baseAddress! + part.lowerBound + start).copyMemory(
                    from: place(other, part.lowerBound + start, round, buffers), byteCount: count)
            }
            stage(buffers.feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }

    /// Overwrites every member's buffer with the root's.
    func broadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int) throws {
        let isRoot = member == root
        var buffers = try enter(.broadcast, memory, bringing: isRoot ? 0..<memory.count : 0..<0)
        buffers.roundBytes = stages(root, buffers) ? SharedMemoryLayout.stagingBytes : memory.count
        let rounds = (memory.count + buffers.roundBytes - 1) / max(buffers.roundBytes, 1)
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let count = min(buffers.roundBytes, memory.count - start)
            if !isRoot {
                (memory.baseAddress! + start).copyMemory(
                    from: place(root, start, round, buffers), byteCount: count)
            }
            stage(buffers.feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }
}
