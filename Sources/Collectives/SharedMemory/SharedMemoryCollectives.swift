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
    var phase: UInt32 = 0
    /// Counts the collectives; its parity chooses the descriptor and the slot.
    var number = 0
    /// Sums of one block, which stay in the first-level cache until they are copied to all members.
    let block = UnsafeMutableRawPointer.allocate(byteCount: SharedMemoryCollectives.blockBytes, alignment: 64)
    /// By parity and member: where small buffers are exchanged.
    let slots: [[UnsafeMutableRawPointer]]

    static let blockBytes = 16 << 10
    /// The most that one member reduces at a time where members share cores (bytes).
    static let pieceBytes = 64 << 10
    /// Up to this size (bytes) every member reduces everything itself: one wait instead of two.
    static let slotAllReduceBytes = 1 << 10
    /// Up to this size (bytes) one member reduces everything where members share cores.
    static let lastAllReduceBytes = 16 << 10

    /// Tells the ranks' collectives apart.
    enum Kind: UInt32 {
        case allReduce = 1
        case reduceScatter, allGather, broadcast, orderFree, hierarchical
    }

    init(_ group: any SharedMemoryGroup) {
        self.group = group
        slots = (0...1).map { parity in
            (0..<group.size).map { SharedMemoryLayout.slot(group.control(of: $0), parity) }
        }
    }

    deinit {
        block.deallocate()
    }

    var size: Int { group.size }

    /// Returns when all members have come here.
    func synchronize() throws {
        phase &+= 1
        try group.meet(at: phase)
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

        /// By member: the buffers; nil where somebody stages.
        var inPlace: [UnsafeMutableRawPointer]? {
            let known = places.compactMap { $0 }
            return known.count == places.count ? known : nil
        }
    }

    /// Says what this member brings to the next collective.
    ///
    /// - Parameter offset: where in the arena its buffer is; nil if it is not there.
    /// - Returns: the parity of the collective.
    func describe(_ kind: Kind, bytes: Int, offset: Int?) -> Int {
        let parity = number & 1
        number += 1
        SharedMemoryLayout.descriptor(group.control(of: group.member), parity).storeBytes(
            of: SharedBufferDescriptor(
                kind: kind.rawValue, isShared: offset == nil ? 0 : 1, bytes: UInt64(bytes), offset: UInt64(offset ?? 0)),
            as: SharedBufferDescriptor.self)
        return parity
    }

    /// What a member that has announced itself brings; throws if it is another collective, or of another size, than ours.
    func descriptor(of member: Int, _ parity: Int, _ kind: Kind, bytes: Int) throws -> SharedBufferDescriptor {
        let descriptor = SharedMemoryLayout.descriptor(group.control(of: member), parity)
            .load(as: SharedBufferDescriptor.self)
        guard descriptor.kind == kind.rawValue, descriptor.bytes == UInt64(bytes) else {
            throw CollectiveError(
                .sizeMismatch(expected: bytes, got: Int(clamping: descriptor.bytes), from: group.ranks[member]))
        }
        return descriptor
    }

    /// Enters a collective: tells the others where this member's buffer is and learns where theirs are.
    func enter(_ kind: Kind, _ memory: UnsafeMutableRawBufferPointer) throws -> Buffers {
        let parity = describe(kind, bytes: memory.count, offset: group.offset(of: UnsafeRawBufferPointer(memory)))
        try synchronize()
        var buffers = Buffers(places: [], roundBytes: memory.count)
        buffers.places.reserveCapacity(size)
        for member in 0..<size {
            let place = try place(of: member, parity, kind, bytes: memory.count)
            if place == nil { buffers.roundBytes = SharedMemoryLayout.stagingBytes }
            buffers.places.append(place)
        }
        return buffers
    }

    /// Where the buffer is that a member has announced; nil if it does not lie in its arena.
    func place(of member: Int, _ parity: Int, _ kind: Kind, bytes: Int) throws -> UnsafeMutableRawPointer? {
        let descriptor = try descriptor(of: member, parity, kind, bytes: bytes)
        guard descriptor.isShared == 1 else { return nil }
        guard let place = group.address(in: member, offset: Int(clamping: descriptor.offset), count: bytes) else {
            throw CollectiveError(.transport("rank \(group.ranks[member]) names a buffer outside its shared memory"))
        }
        return place
    }

    /// Where a member's bytes from `start` on are during a round.
    func place(_ member: Int, _ start: Int, _ round: Int, _ buffers: Buffers) -> UnsafeMutableRawPointer {
        if let place = buffers.places[member] { return place + start }
        return SharedMemoryLayout.staging(group.control(of: member), round & 1)
    }

    /// Copies a round's share of what others are to read into this member's staging area.
    func stage(_ feed: UnsafeRawBufferPointer?, round: Int, of roundBytes: Int) {
        let start = round * roundBytes
        guard let feed, start < feed.count else { return }
        ownStaging(round).copyMemory(from: feed.baseAddress! + start, byteCount: min(roundBytes, feed.count - start))
    }

    /// This member's staging area in a round.
    func ownStaging(_ round: Int) -> UnsafeMutableRawPointer {
        SharedMemoryLayout.staging(group.control(of: group.member), round & 1)
    }
}
