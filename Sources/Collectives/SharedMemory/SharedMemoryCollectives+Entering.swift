/// How a collective begins: each member says what it brings and learns where the others' buffers are, in place or staged.
extension SharedMemoryCollectives {
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
