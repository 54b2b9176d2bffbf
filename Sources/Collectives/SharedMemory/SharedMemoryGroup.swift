/// Ranks of one host that see each other's memory.
///
/// Each member owns an arena that all others have mapped. Within it lie buffers that the member allocated there, and a
/// control region of `SharedMemoryLayout` for this group. Members tell each other how far they are by one counter each.
///
/// Belongs to one thread and one generation. Calls throw `CollectiveError`; after any error only `cancel` may be called.
public protocol SharedMemoryGroup: AnyObject {
    /// This process' place in the group, in `0..<size`.
    var member: Int { get }
    /// The number of members, at least one.
    var size: Int { get }
    /// By member: its rank in the generation.
    var ranks: [Int] { get }

    /// Whether the members' machine has fewer cores than ranks, those of its other hosts or containers included; the same
    /// on all members.
    var isCrowded: Bool { get }

    /// A member's control region, `SharedMemoryLayout.byteCount` bytes, zero at first.
    func control(of member: Int) -> UnsafeMutableRawPointer

    /// `SharedMemoryLayout.boardBytes` on the cache line of a member's counter, zero at first: who has seen the counter move
    /// has them as well.
    func board(of member: Int) -> UnsafeMutableRawPointer

    /// Where in this member's arena `memory` lies (bytes); nil if it does not.
    func offset(of memory: UnsafeRawBufferPointer) -> Int?

    /// The place `offset` of a member's arena, if `count` bytes from there on are in it.
    func address(in member: Int, offset: Int, count: Int) -> UnsafeMutableRawPointer?

    /// Makes what this member wrote so far visible to the others and sets its counter.
    func announce(_ count: UInt32)

    /// Whether a member's counter has reached `count` (modulo 2³²).
    func hasReached(_ count: UInt32, member: Int) -> Bool

    /// Whether all members' counters have. The last member to announce `count` finds that they have.
    func allHaveReached(_ count: UInt32) -> Bool

    /// Returns when a member's counter has reached `count` (modulo 2³²); what it wrote before is then visible.
    func wait(for member: Int, toReach count: UInt32) throws

    /// Sets this member's counter and returns when all members' counters have reached `count`; what they wrote before is
    /// then visible. All members call it with the same count.
    func meet(at count: UInt32) throws

    /// The same; the last member to come does `work` before any returns, and all see what it wrote.
    func meet(at count: UInt32, last work: () -> Void) throws

    /// Has `pieces` pieces of work done, each by one of the members, and returns when all are; what was written by them
    /// is then visible. A member that comes late finds its share done by those who were there.
    ///
    /// All members call it with the same `pieces`, at least 1, and the same `count`, after they met at `count - 1`. It
    /// leaves their counters alone.
    ///
    /// - Parameter work: does the piece of a number in `0..<pieces`.
    func share(pieces: Int, at count: UInt32, _ work: (Int) -> Void) throws

    /// Gives up: the others' waits for this member throw.
    func cancel()
}

/// What lies in a member's control region and on its board. The same in every member.
public enum SharedMemoryLayout {
    /// What a slot holds (bytes): buffers up to it can be exchanged without telling where they are.
    public static let slotBytes = 64 << 10
    /// How much of a buffer that lies outside the arena is copied into it at a time.
    public static let stagingBytes = 1 << 20

    /// Everything exists twice, for even and odd collectives or rounds, so that the next one can be begun while others
    /// still read the last one's.
    public static let byteCount = 2 * (slotBytes + stagingBytes)
    public static let boardBytes = 2 * MemoryLayout<SharedBufferDescriptor>.stride

    static func descriptor(
        _ board: UnsafeMutableRawPointer, _ parity: Int
    ) -> UnsafeMutablePointer<SharedBufferDescriptor> {
        board.assumingMemoryBound(to: SharedBufferDescriptor.self) + parity
    }

    static func slot(_ control: UnsafeMutableRawPointer, _ parity: Int) -> UnsafeMutableRawPointer {
        control + parity * slotBytes
    }

    static func staging(_ control: UnsafeMutableRawPointer, _ parity: Int) -> UnsafeMutableRawPointer {
        control + 2 * slotBytes + parity * stagingBytes
    }
}

/// What a member says about its buffer when it enters a collective.
struct SharedBufferDescriptor: BitwiseCopyable {
    /// Which collective this is, so that ranks which call different ones notice.
    var kind: UInt32
    /// 1 if the buffer lies in the member's arena.
    var isShared: UInt32
    /// Its length; the same on all members.
    var bytes: UInt64
    /// Where in the arena it begins, if it lies there.
    var offset: UInt64
}
