/// The inside of a hierarchical all-reduce on one host.
///
/// Every member reduces its share of each chunk into the leader's buffer; the leader hands complete chunks to the ring
/// between hosts and says when final ones are there; the others copy those from it.
///
/// Announcements: a member other than the leader counts the chunks of which it has reduced its share, in order; the
/// leader counts the final chunks. At the end all counters meet.
final class ReduceToLeader {
    private let shared: SharedMemoryCollectives
    private let memory: UnsafeMutableRawBufferPointer
    private let chunks: [Range<Int>]
    private let reduction: Reduction
    private let places: SharedMemoryCollectives.Places
    private let start: UInt32
    /// Of the leader: final chunks so far.
    private var published: UInt32 = 0

    init(
        _ shared: SharedMemoryCollectives, _ memory: UnsafeMutableRawBufferPointer, chunks: [Range<Int>],
        _ reduction: Reduction, places: SharedMemoryCollectives.Places, start: UInt32
    ) {
        self.shared = shared
        self.memory = memory
        self.chunks = chunks
        self.reduction = reduction
        self.places = places
        self.start = start
    }

    private var group: any SharedMemoryGroup { shared.group }

    /// Reduces this member's share of a chunk into the leader's buffer.
    private func reduceShare(_ chunk: Range<Int>) {
        let share = evenRange(
            member: shared.member, of: shared.size, bytes: chunk.count, alignment: reduction.elementBytes)
        let range = chunk.lowerBound + share.lowerBound..<chunk.lowerBound + share.upperBound
        shared.reduce(places, reduction, range, into: places[0])
    }

    // MARK: The leader

    /// Returns when a chunk of the leader's buffer holds the host's reduction.
    func complete(chunk number: Int) throws {
        reduceShare(chunks[number])
        for member in 1..<group.size { try group.wait(for: member, toReach: start &+ UInt32(number) &+ 1) }
    }

    /// Tells the others that one more chunk is final.
    func publish() {
        published &+= 1
        group.announce(start &+ published)
    }

    /// Waits until all have the result.
    func end() throws {
        try shared.meet(at: start &+ UInt32(chunks.count) &+ 1)
    }

    // MARK: The others

    /// Reduces this member's shares, and copies the final chunks as they come.
    func follow(finals: [Range<Int>]) throws {
        for (number, chunk) in chunks.enumerated() {
            reduceShare(chunk)
            group.announce(start &+ UInt32(number) &+ 1)
        }
        for (number, chunk) in finals.enumerated() {
            try group.wait(for: 0, toReach: start &+ UInt32(number) &+ 1)
            (memory.baseAddress! + chunk.lowerBound).copyMemory(
                from: places[0] + chunk.lowerBound, byteCount: chunk.count)
        }
        try end()
    }
}
