/// Collectives among the members of a `SharedMemoryGroup`, straight from one's memory into another's.
///
/// A collective is a sequence of **phases**. A member that is through with one announces it and waits until all others
/// have. Between two such points every byte has one writer, so nothing else has to be locked.
///
/// A buffer in the arena is used where it is. One outside is copied through the member's staging area round by round;
/// members of both kinds can meet in one collective.
final class SharedMemoryCollectives {
    let group: any SharedMemoryGroup
    /// Phases that this member has announced.
    private(set) var phase: UInt32 = 0
    /// Counts the collectives; its parity chooses the descriptor and the slot.
    private var number = 0
    /// Sums of one block, which stay in the first-level cache until they are copied to all members.
    private let block = UnsafeMutableRawPointer.allocate(byteCount: SharedMemoryCollectives.blockBytes, alignment: 64)

    static let blockBytes = 16 << 10

    /// Tells the ranks' collectives apart.
    enum Kind: UInt32 {
        case allReduce = 1
        case reduceScatter, allGather, broadcast, orderFree, hierarchical
    }

    init(_ group: any SharedMemoryGroup) {
        self.group = group
    }

    deinit {
        block.deallocate()
    }

    var size: Int { group.size }

    /// Returns when all members have come here.
    func synchronize() throws {
        phase &+= 1
        group.announce(phase)
        for distance in 1..<max(size, 1) {
            try group.wait(for: (group.member + distance) % size, toReach: phase)
        }
    }

    /// Returns when all members have come to `phase`, which is beyond all they announced in the collective so far.
    func meet(at phase: UInt32) throws {
        self.phase = phase &- 1
        try synchronize()
    }

    /// All members' buffers in one collective.
    struct Buffers {
        /// By member: the buffer, or nil where it is staged.
        var places: [UnsafeMutableRawPointer?]
        /// How many bytes are dealt with between two waits; everything, where nobody stages.
        var roundBytes: Int
    }

    /// Enters a collective: tells the others where this member's buffer is and learns where theirs are.
    ///
    /// - Parameter total: what all members must agree on (bytes).
    func enter(_ kind: Kind, _ memory: UnsafeMutableRawBufferPointer, bytes total: Int) throws -> Buffers {
        let parity = number & 1
        number += 1
        let offset = group.offset(of: UnsafeRawBufferPointer(memory))
        SharedMemoryLayout.descriptor(group.control(of: group.member), parity).storeBytes(
            of: SharedBufferDescriptor(
                kind: kind.rawValue, isShared: offset == nil ? 0 : 1, bytes: UInt64(total),
                offset: UInt64(offset ?? 0)),
            as: SharedBufferDescriptor.self)
        try synchronize()
        var buffers = Buffers(places: [], roundBytes: memory.count)
        for member in 0..<size {
            let descriptor = SharedMemoryLayout.descriptor(group.control(of: member), parity)
                .load(as: SharedBufferDescriptor.self)
            guard descriptor.kind == kind.rawValue, descriptor.bytes == UInt64(total) else {
                throw CollectiveError(
                    .sizeMismatch(
                        expected: total, got: Int(clamping: descriptor.bytes), from: group.ranks[member]))
            }
            guard descriptor.isShared == 1 else {
                buffers.places.append(nil)
                buffers.roundBytes = SharedMemoryLayout.stagingBytes
                continue
            }
            guard
                let place = group.address(
                    in: member, offset: Int(clamping: descriptor.offset), count: memory.count)
            else {
                throw CollectiveError(
                    .transport("rank \(group.ranks[member]) names a buffer outside its shared memory"))
            }
            buffers.places.append(place)
        }
        return buffers
    }

    /// Where a member's bytes from `start` on are during a round.
    func place(_ member: Int, _ start: Int, _ round: Int, _ buffers: Buffers) -> UnsafeMutableRawPointer {
        if let place = buffers.places[member] { return place + start }
        return SharedMemoryLayout.staging(group.control(of: member), round & 1)
    }

    /// Copies a round's share of what others are to read into this member's staging area.
    private func stage(_ feed: UnsafeRawBufferPointer?, round: Int, of roundBytes: Int) {
        let start = round * roundBytes
        guard let feed, start < feed.count else { return }
        ownStaging(round).copyMemory(from: feed.baseAddress! + start, byteCount: min(roundBytes, feed.count - start))
    }

    /// This member's staging area in a round.
    func ownStaging(_ round: Int) -> UnsafeMutableRawPointer {
        SharedMemoryLayout.staging(group.control(of: group.member), round & 1)
    }

    // MARK: Reducing

    /// Replaces each element by its reduction over the members, in member order; all have the same bits.
    func allReduce(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        // Where members share cores a wait costs more than the slots' copies.
        if memory.count <= (group.isCrowded ? SharedMemoryLayout.slotBytes : SharedMemoryLayout.slotBytes / 4) {
            try allReduceThroughSlots(memory, reduction)
        } else {
            try allReduceDirectly(.allReduce, memory, alignment: reduction.elementBytes) { sources, _, bytes in
                self.reduce(sources, reduction, bytes: bytes, into: sources)
            }
        }
    }

    /// Every member writes its values into its slot and reduces all slots itself: one phase, `size · n` bytes read.
    private func allReduceThroughSlots(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        let parity = fillSlot(.allReduce, memory)
        try synchronize()
        try reduceSlots(.allReduce, memory, parity, reduction)
    }

    /// Copies a small buffer into this member's slot.
    ///
    /// - Returns: the parity of the slot.
    private func fillSlot(_ kind: Kind, _ memory: UnsafeMutableRawBufferPointer) -> Int {
        let parity = number & 1
        number += 1
        let control = group.control(of: group.member)
        SharedMemoryLayout.descriptor(control, parity).storeBytes(
            of: SharedBufferDescriptor(kind: kind.rawValue, isShared: 0, bytes: UInt64(memory.count), offset: 0),
            as: SharedBufferDescriptor.self)
        SharedMemoryLayout.slot(control, parity).copyMemory(from: memory.baseAddress!, byteCount: memory.count)
        return parity
    }

    /// Reduces all members' slots, in member order, into `memory`.
    private func reduceSlots(
        _ kind: Kind, _ memory: UnsafeMutableRawBufferPointer, _ parity: Int, _ reduction: Reduction
    ) throws {
        let slots = try (0..<size).map { member in
            let control = group.control(of: member)
            let descriptor = SharedMemoryLayout.descriptor(control, parity).load(as: SharedBufferDescriptor.self)
            guard descriptor.kind == kind.rawValue, descriptor.bytes == UInt64(memory.count) else {
                throw CollectiveError(
                    .sizeMismatch(
                        expected: memory.count, got: Int(clamping: descriptor.bytes), from: group.ranks[member]))
            }
            return SharedMemoryLayout.slot(control, parity)
        }
        guard size > 1 else { return }
        let out = memory.baseAddress!
        reduction(slots[0], slots[1], into: out, bytes: memory.count)
        for slot in slots.dropFirst(2) { reduction(out, slot, into: out, bytes: memory.count) }
    }

    /// An all-reduce of a small buffer over several hosts, as one of them sees it: the leader, member 0, reduces the
    /// slots, goes `outside` with the result, and gives what it brings back to the others.
    func allReduceThroughLeader(
        _ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction, outside: () throws -> Void
    ) throws {
        let parity = fillSlot(.hierarchical, memory)
        let start = phase
        let slot = SharedMemoryLayout.slot(group.control(of: 0), parity)
        if group.member == 0 {
            for member in 1..<max(size, 1) { try group.wait(for: member, toReach: start &+ 1) }
            try reduceSlots(.hierarchical, memory, parity, reduction)
            try outside()
            slot.copyMemory(from: memory.baseAddress!, byteCount: memory.count)
            phase = start &+ 2
            group.announce(phase)
        } else {
            group.announce(start &+ 1)
            try group.wait(for: 0, toReach: start &+ 2)
            phase = start &+ 2
            memory.baseAddress!.copyMemory(from: slot, byteCount: memory.count)
        }
    }

    /// Begins the inside of an all-reduce of a large buffer over several hosts; nil if somebody's buffer is staged.
    func beginReduceToLeader(
        _ memory: UnsafeMutableRawBufferPointer, chunks: [Range<Int>], _ reduction: Reduction
    ) throws -> ReduceToLeader? {
        let places = try enter(.hierarchical, memory, bytes: memory.count).places.compactMap { $0 }
        guard places.count == size else { return nil }
        return ReduceToLeader(self, memory, chunks: chunks, reduction, places: places, start: phase)
    }

    /// Every member reduces its part of the buffer straight from all others' and writes the result into all of them:
    /// two phases, `2n` bytes read and written, whatever the number of members.
    ///
    /// - Parameters:
    ///   - alignment: parts begin at multiples of this many bytes.
    ///   - combine: reduces the members' bytes at these places, which begin at an offset (bytes) of the buffer, and
    ///     writes the result to all of them.
    func allReduceDirectly(
        _ kind: Kind, _ memory: UnsafeMutableRawBufferPointer, alignment: Int,
        combine: (_ places: [UnsafeMutableRawPointer], _ offset: Int, _ bytes: Int) throws -> Void
    ) throws {
        let isStaged = group.offset(of: UnsafeRawBufferPointer(memory)) == nil
        let feed = isStaged ? UnsafeRawBufferPointer(memory) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        let buffers = try enter(kind, memory, bytes: memory.count)
        let rounds = (memory.count + buffers.roundBytes - 1) / buffers.roundBytes
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let count = min(buffers.roundBytes, memory.count - start)
            let part = evenRange(member: group.member, of: size, bytes: count, alignment: alignment)
            if !part.isEmpty {
                let places = (0..<size).map { place($0, start, round, buffers) + part.lowerBound }
                try combine(places, start + part.lowerBound, part.count)
            }
            stage(feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
            if isStaged { (memory.baseAddress! + start).copyMemory(from: ownStaging(round), byteCount: count) }
        }
    }

    /// Reduces `bytes` at the sources, in order, and writes the result to all of `targets`, which may be sources.
    func reduce(
        _ sources: [UnsafeMutableRawPointer], _ reduction: Reduction, bytes: Int,
        into targets: [UnsafeMutableRawPointer]
    ) {
        var start = 0
        while start < bytes {
            let count = min(Self.blockBytes, bytes - start)
            let result = targets[0] + start
            var partial = sources[0] + start
            for source in sources[1...].dropLast() {
                reduction(partial, source + start, into: block, bytes: count)
                partial = block
            }
            if sources.count == 1 {
                if result != partial { result.copyMemory(from: partial, byteCount: count) }
            } else {
                // Straight to the first target. Where that is the last source it must be the left operand; the bits do
                // not depend on which comes first.
                let last = sources[sources.count - 1] + start
                let (left, right) = result == last ? (last, partial) : (partial, last)
                reduction(left, right, into: result, bytes: count)
            }
            for target in targets.dropFirst() { (target + start).copyMemory(from: result, byteCount: count) }
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
        let buffers = try enter(.reduceScatter, memory, bytes: memory.count)
        let rounds = (memory.count + buffers.roundBytes - 1) / buffers.roundBytes
        for round in 0..<rounds {
            let start = round * buffers.roundBytes
            let range = start..<min(start + buffers.roundBytes, memory.count)
            let part = parts[group.member].clamped(to: range)
            if !part.isEmpty {
                let sources = (0..<size).map { place($0, start, round, buffers) + (part.lowerBound - start) }
                reduce(sources, reduction, bytes: part.count, into: [memory.baseAddress! + part.lowerBound])
            }
            stage(feed, round: round + 1, of: buffers.roundBytes)
            try synchronize()
        }
    }

    // MARK: Copying

    /// Fills every member's buffer with all members' parts; this member's is in its place already.
    func allGather(_ memory: UnsafeMutableRawBufferPointer, parts: [Range<Int>]) throws {
        let own = parts[group.member]
        let isStaged = group.offset(of: UnsafeRawBufferPointer(memory)) == nil
        let feed = isStaged ? UnsafeRawBufferPointer(rebasing: memory[own]) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        let buffers = try enter(.allGather, memory, bytes: memory.count)
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
        var buffers = try enter(.broadcast, memory, bytes: memory.count)
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

/// The part of `bytes` that falls to one of `count` members: all but the last of the same number of whole cache lines,
/// or of `alignment` where that is more.
func evenRange(member: Int, of count: Int, bytes: Int, alignment: Int) -> Range<Int> {
    let line = bytes >= count * 64 * 64 ? max(64, alignment) : alignment
    let lines = (bytes + line - 1) / line
    return min(bytes, lines * member / count * line)..<min(bytes, lines * (member + 1) / count * line)
}
