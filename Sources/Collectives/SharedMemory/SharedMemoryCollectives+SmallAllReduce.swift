/// All-reduces of buffers that one member can reduce sooner than several can agree on their parts.
extension SharedMemoryCollectives {
    /// Every member writes its values into its slot and reduces all slots itself: one phase, `size · n` bytes read.
    func allReduceThroughSlots(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        let parity = fillSlot(.allReduce, memory)
        try synchronize()
        try reduceSlots(.allReduce, memory, parity, reduction)
    }

    /// Where members share cores: the last one to come reduces a small buffer for all, straight from their buffers and into
    /// them. One wait, and no work behind it that would keep a member, which waits no more, from its core.
    func allReduceByTheLast(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        let offset = group.offset(of: UnsafeRawBufferPointer(memory))
        let parity = describe(.allReduce, bytes: memory.count, offset: offset)
        let slot = slots[parity][member]
        if offset == nil { slot.copyMemory(from: memory.baseAddress!, byteCount: memory.count) }
        func placeOrSlot(_ member: Int) throws -> UnsafeMutableRawPointer {
            try place(of: member, parity, .allReduce, bytes: memory.count) ?? slots[parity][member]
        }
        phase &+= 1
        passTime()
        try group.meet(at: phase) {
            // Where a buffer is not what it should be nothing is reduced; every member finds that below.
            for member in 0..<size {
                guard let place = try? placeOrSlot(member) else { return }
                places[member] = place
            }
            reduceForAll(places, reduction, 0..<memory.count)
        }
        for member in 0..<size { _ = try placeOrSlot(member) }
        if offset == nil { memory.baseAddress!.copyMemory(from: slot, byteCount: memory.count) }
    }

    /// Copies a small buffer into this member's slot.
    ///
    /// - Returns: the parity of the slot.
    private func fillSlot(_ kind: Kind, _ memory: UnsafeMutableRawBufferPointer) -> Int {
        let parity = describe(kind, bytes: memory.count, offset: nil)
        slots[parity][member].copyMemory(from: memory.baseAddress!, byteCount: memory.count)
        return parity
    }

    /// Reduces all members' slots, in member order, into `memory`.
    private func reduceSlots(
        _ kind: Kind, _ memory: UnsafeMutableRawBufferPointer, _ parity: Int, _ reduction: Reduction
    ) throws {
        for member in 0..<size { _ = try descriptor(of: member, parity, kind, bytes: memory.count) }
        reduce(slots[parity], reduction, 0..<memory.count, into: memory.baseAddress!)
    }

    /// An all-reduce of a small buffer over several hosts, as one of them sees it: the leader, member 0, reduces the
    /// slots, goes `outside` with the result, and gives what it brings back to the others.
    func allReduceThroughLeader(
        _ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction, outside: () throws -> Void
    ) throws {
        let parity = fillSlot(.hierarchical, memory)
        let start = phase
        let slot = slots[parity][0]
        if member == 0 {
            for member in 1..<max(size, 1) { try wait(for: member, toReach: start &+ 1) }
            try reduceSlots(.hierarchical, memory, parity, reduction)
            try outside()
            slot.copyMemory(from: memory.baseAddress!, byteCount: memory.count)
            phase = start &+ 2
            group.announce(phase)
        } else {
            group.announce(start &+ 1)
            try wait(for: 0, toReach: start &+ 2)
            phase = start &+ 2
            memory.baseAddress!.copyMemory(from: slot, byteCount: memory.count)
        }
    }
}
