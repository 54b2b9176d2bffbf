/// Collectives among the members of a `SharedMemoryGroup`, straight from one's memory into another's.
///
/// A collective is a sequence of **phases**. A member that is through with one announces it and waits until all others
/// have. Between two such points every byte has one writer, so nothing else has to be locked.
///
/// A buffer in the arena is used where it is. One outside is copied through the member's staging area round by round;
/// members of both kinds can meet in one collective.
final class SharedMemoryCollectives {
    let group: any SharedMemoryGroup
    /// This process' place in the group.
    let member: Int
    /// The number of members.
    let size: Int
    /// Phases that this member has announced.
    var phase: UInt32 = 0
    /// Counts the collectives; its parity chooses the descriptor and the slot.
    var number = 0
    /// Sums of one block, which stay in the first-level cache until they are copied to all members.
    let block = UnsafeMutableRawPointer.allocate(byteCount: SharedMemoryCollectives.blockBytes, alignment: 64)
    /// By parity and member: what it says about its buffer.
    private let descriptors: [[UnsafeMutablePointer<SharedBufferDescriptor>]]
    /// By parity and member: where small buffers are exchanged.
    let slots: [Places]
    /// By round's parity and member: where buffers outside the arena are copied through.
    private let stagings: [Places]
    /// By member: where its buffer is in the collective in progress.
    let places: Places

    /// A place in each member's memory. Plain memory, and kept: an array made for each collective takes as long as reducing
    /// a few KiB.
    typealias Places = UnsafeMutableBufferPointer<UnsafeMutableRawPointer>

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
        member = group.member
        size = group.size
        let members = 0..<group.size
        descriptors = (0...1).map { parity in
            members.map { SharedMemoryLayout.descriptor(group.board(of: $0), parity) }
        }
        func inControls(_ place: (UnsafeMutableRawPointer, Int) -> UnsafeMutableRawPointer, _ parity: Int) -> Places {
            let places = Places.allocate(capacity: group.size)
            for member in members { places[member] = place(group.control(of: member), parity) }
            return places
        }
        slots = (0...1).map { inControls(SharedMemoryLayout.slot, $0) }
        stagings = (0...1).map { inControls(SharedMemoryLayout.staging, $0) }
        places = inControls(SharedMemoryLayout.staging, 0)
    }

    deinit {
        for places in slots + stagings + [places] { places.deallocate() }
        block.deallocate()
    }

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
        /// By member: where the buffer is, or where the member stages. Valid until the next collective.
        let places: Places
        /// Whether somebody stages.
        let isStaged: Bool
        /// How many bytes are dealt with between two waits; everything, where nobody stages.
        var roundBytes: Int
        /// What this member copies round by round for others to read; nil if its buffer is in its arena.
        let feed: UnsafeRawBufferPointer?

        /// By member: the buffers; nil where somebody stages.
        var inPlace: Places? { isStaged ? nil : places }
    }

    /// Says what this member brings to the next collective.
    ///
    /// - Parameter offset: where in the arena its buffer is; nil if it is not there.
    /// - Returns: the parity of the collective.
    func describe(_ kind: Kind, bytes: Int, offset: Int?) -> Int {
        let parity = number & 1
        number += 1
        descriptors[parity][member].pointee = SharedBufferDescriptor(
            kind: kind.rawValue, isShared: offset == nil ? 0 : 1, bytes: UInt64(bytes), offset: UInt64(offset ?? 0))
        return parity
    }

    /// What a member that has announced itself brings; throws if it is another collective, or of another size, than ours.
    func descriptor(of member: Int, _ parity: Int, _ kind: Kind, bytes: Int) throws -> SharedBufferDescriptor {
        let descriptor = descriptors[parity][member].pointee
        guard descriptor.kind == kind.rawValue, descriptor.bytes == UInt64(bytes) else {
            throw CollectiveError(
                .sizeMismatch(expected: bytes, got: Int(clamping: descriptor.bytes), from: group.ranks[member]))
        }
        return descriptor
    }

    /// Enters a collective: tells the others where this member's buffer is and learns where theirs are.
    ///
    /// - Parameter part: what others read of this member's buffer (bytes); its first round is staged where need be.
    func enter(
        _ kind: Kind, _ memory: UnsafeMutableRawBufferPointer, bringing part: Range<Int> = 0..<0
    ) throws -> Buffers {
        let offset = group.offset(of: UnsafeRawBufferPointer(memory))
        let feed = offset == nil ? UnsafeRawBufferPointer(rebasing: memory[part]) : nil
        stage(feed, round: 0, of: SharedMemoryLayout.stagingBytes)
        let parity = describe(kind, bytes: memory.count, offset: offset)
        try synchronize()
        var isStaged = false
        for member in 0..<size {
            let place = try place(of: member, parity, kind, bytes: memory.count)
            if place == nil { isStaged = true }
            places[member] = place ?? stagings[0][member]
        }
        return Buffers(
            places: places, isStaged: isStaged,
            roundBytes: isStaged ? SharedMemoryLayout.stagingBytes : memory.count, feed: feed)
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

    /// Whether a member's buffer is staged.
    func stages(_ member: Int, _ buffers: Buffers) -> Bool {
        buffers.places[member] == stagings[0][member]
    }

    /// Where a member's bytes from `start` on are during a round.
    func place(_ member: Int, _ start: Int, _ round: Int, _ buffers: Buffers) -> UnsafeMutableRawPointer {
        stages(member, buffers) ? stagings[round & 1][member] : buffers.places[member] + start
    }

    /// Copies a round's share of what others are to read into this member's staging area.
    func stage(_ feed: UnsafeRawBufferPointer?, round: Int, of roundBytes: Int) {
        let start = round * roundBytes
        guard let feed, start < feed.count else { return }
        ownStaging(round).copyMemory(from: feed.baseAddress! + start, byteCount: min(roundBytes, feed.count - start))
    }

    /// This member's staging area in a round.
    func ownStaging(_ round: Int) -> UnsafeMutableRawPointer { stagings[round & 1][member] }
}
