extension SharedMemoryCollectives {
    /// Fills every member's buffer with all members' parts; this member's is in its place already.
    func allGather(_ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>]) throws {
        let own = parts[group.member]
        let isStaged = group.offset(of: UnsafeRawBufferPointer(memory)) == nil
        let feed = isStaged ? UnsafeRawBufferPointer(rebasing: memory[own]) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        let buffers = try enter(.allGather, memory)
        let longest = parts.map(\.count).max() ?? 0
        let rounds = (longest + buffers.roundBytes - 1) / max(buffers.roundBytes, 1)
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            for distance in 1..<max(size, 1) {
                let member = (group.member + distance) % size
                let part = parts[member]
                guard start < part.count else { continue }
                let count = min(buffers.roundBytes, part.count - start)
                (memory.baseAddress! + part.lowerBound + start).copyMemory(
                    from: place(member, part.lowerBound + start, round, buffers), byteCount: count)
            }
            stage(feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }

    /// Overwrites every member's buffer with the root's.
    func broadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int) throws {
        let isRoot = group.member == root
        let isStaged = isRoot && group.offset(of: UnsafeRawBufferPointer(memory)) == nil
        let feed = isStaged ? UnsafeRawBufferPointer(memory) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        var buffers = try enter(.broadcast, memory)
        buffers.roundBytes = buffers.places[root] == nil ? SharedMemoryLayout.stagingBytes : memory.count
        let rounds = (memory.count + buffers.roundBytes - 1) / max(buffers.roundBytes, 1)
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let count = min(buffers.roundBytes, memory.count - start)
            if !isRoot {
                (memory.baseAddress! + start).copyMemory(
                    from: place(root, start, round, buffers), byteCount: count)
            }
            stage(feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }
}
