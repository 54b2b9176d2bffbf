/// Collectives among the members of a `SharedMemoryGroup`, straight from one's memory into another's.
///
/// A collective is a sequence of **phases**. A member that is through with one announces it and waits until all others
/// have. Between two such points every byte has one writer, so nothing else has to be locked.
///
/// A buffer in the arena is used where it is. One outside is copied through the member's staging area round by round;
/// members of both kinds can meet in one collective.
final class SharedMemoryCollectives {
    let group: any SharedMemoryGroup
    /// Of the communicator.
    private let waits: Waits
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
    let descriptors: [[UnsafeMutablePointer<SharedBufferDescriptor>]]
    /// By parity and member: where small buffers are exchanged.
    let slots: [Places]
    /// By round's parity and member: where buffers outside the arena are copied through.
    let stagings: [Places]
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

    init(_ group: any SharedMemoryGroup, waits: Waits) {
        self.group = group
        self.waits = waits
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
        passTime()
        try group.meet(at: phase)
    }

    /// Returns when a member's counter has reached `count`, after the work that the communicator's caller has for the wait.
    func wait(for member: Int, toReach count: UInt32) throws {
        waits.pass { group.hasReached(count, member: member) }
        try group.wait(for: member, toReach: count)
    }

    /// Before this member meets the others at its phase: announces that it is there, and does what the communicator's caller
    /// has for the wait.
    func passTime() {
        guard waits.haveWork else { return }
        group.announce(phase)
        waits.pass { group.allHaveReached(phase) }
    }

    /// Returns when all members have come to `phase`, which is beyond all they announced in the collective so far.
    func meet(at phase: UInt32) throws {
        self.phase = phase &- 1
        try synchronize()
    }
}
