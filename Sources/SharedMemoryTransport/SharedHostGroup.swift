import CSharedMemory
import Collectives
import Glibc

/// The members of a generation on this host, by shared memory; made by `HostFormation.form`.
///
/// Each member's control memory is made for one generation and never used again, so that a member that is late may still
/// read what was announced in it, and one that wakes up generations later disturbs nobody.
public final class SharedHostGroup: SharedMemoryGroup {
    /// Before what `Collectives` keeps, each on cache lines of its own: the member's counter, its sleepers, whether it has
    /// left, and its board; and, used in the first member's memory only, the gate with its sleepers, and the pieces of shared work.
    private static let headerBytes = 4096
    private static let boardOffset = 64 - SharedMemoryLayout.boardBytes
    private static let gateOffset = 128
    private static let piecesOffset = 256
    static let controlBytes = headerBytes + SharedMemoryLayout.byteCount

    public let member: Int
    public let ranks: [Int]
    public var size: Int { ranks.count }

    private let arena: SharedArena
    private let controls: [SharedMapping]
    /// By member: where its control memory begins.
    private let bases: [UnsafeMutableRawPointer]
    private let arenas: [SharedMapping]
    /// By member: readable when its process has ended; −1 for our own.
    private let watches: [Int32]
    private let abortReason: () -> String?
    private let spins: UInt32
    public let isCrowded: Bool
    /// Waits that were over before a sleep.
    private var quickWaits: UInt32 = 0

    /// How long to sleep before looking whether to give up.
    private static let patienceNanoseconds: UInt64 = 10_000_000

    /// - Throws: `SharedMemoryError`.
    init(
        rank: Int, ranks: [Int], control: SharedMapping, arena: SharedArena,
        peers: [(control: SharedMemoryAddress, arena: SharedMemoryAddress)], isCrowded: Bool,
        abortReason: @escaping () -> String?
    ) throws {
        self.ranks = ranks
        let member = ranks.firstIndex(of: rank) ?? 0
        self.member = member
        self.arena = arena
        self.abortReason = abortReason
        controls = try peers.indices.map { $0 == member ? control : try SharedMapping(of: peers[$0].control) }
        bases = controls.map(\.base)
        arenas = try peers.indices.map { $0 == member ? arena.mapping : try SharedMapping(of: peers[$0].arena) }
        var watches: [Int32] = []
        for (index, peer) in peers.enumerated() {
            let watch = index == member ? -1 : shared_memory_watch_process(peer.control.pid)
            guard index == member || watch >= 0 else {
                let error = SharedMemoryError.last("watch process \(peer.control.pid)")
                for watch in watches where watch >= 0 { Glibc.close(watch) }
                throw error
            }
            watches.append(watch)
        }
        self.watches = watches
        // Asking again saves a sleep and a wake-up where everyone has a core; with fewer cores it would keep the one
        // from running that is waited for, so the core is offered to it first.
        self.isCrowded = isCrowded
        spins = isCrowded ? 4 : 2000
    }

    deinit {
        cancel()
        for watch in watches where watch >= 0 { Glibc.close(watch) }
    }

    public func control(of member: Int) -> UnsafeMutableRawPointer {
        bases[member] + Self.headerBytes
    }

    public func board(of member: Int) -> UnsafeMutableRawPointer {
        bases[member] + Self.boardOffset
    }

    public func offset(of memory: UnsafeRawBufferPointer) -> Int? {
        arena.offset(of: memory)
    }

    public func address(in member: Int, offset: Int, count: Int) -> UnsafeMutableRawPointer? {
        let mapping = arenas[member]
        guard offset >= 0, count >= 0, count <= mapping.byteCount, offset <= mapping.byteCount - count else {
            return nil
        }
        return mapping.base + offset
    }

    public func announce(_ count: UInt32) {
        shared_word_store(counter(member), sleepers(member), count)
    }

    public func hasReached(_ count: UInt32, member: Int) -> Bool {
        Int32(bitPattern: shared_word_load(counter(member)) &- count) >= 0
    }

    /// Counters are stored and loaded in one order for all, so the last one to announce `count` sees that.
    public func allHaveReached(_ count: UInt32) -> Bool {
        bases.indices.allSatisfy { hasReached(count, member: $0) }
    }

    public func wait(for member: Int, toReach count: UInt32) throws {
        let word = counter(member)
        if shared_word_spin(word, count, spins, isCrowded ? 1 : 0) != 0 { return try noteQuickWait() }
        while true {
            let gone = lossReason(of: member)
            // After looking whether it is gone: its last word counts.
            let seen = shared_word_load(word)
            if Int32(bitPattern: seen &- count) >= 0 { return }
            if let reason = abortReason() { throw CollectiveError.aborted(reason: reason) }
            if let gone { throw gone }
            shared_word_sleep(word, sleepers(member), seen, Self.patienceNanoseconds)
        }
    }

    public func meet(at count: UInt32) throws {
        announce(count)
        guard isCrowded else {
            for other in 0..<size where other != member { try wait(for: other, toReach: count) }
            return
        }
        // Who comes last opens the gate.
        if allHaveReached(count) {
            openGate(at: count)
        } else {
            try waitAtGate(until: count)
        }
    }

    public func meet(at count: UInt32, last work: () -> Void) throws {
        announce(count)
        // Several can see that all have come; one of them gets the work.
        if allHaveReached(count), shared_pieces_claim(shared, count, 1) == 0 {
            work()
            openGate(at: count)
        } else {
            try waitAtGate(until: count)
        }
    }

    public func share(pieces: Int, at count: UInt32, _ work: (Int) -> Void) throws {
        let pieces = UInt32(pieces)
        var done: UInt32 = 0
        while true {
            let piece = shared_pieces_claim(shared, count, pieces)
            if piece == pieces { break }
            work(Int(piece))
            done += 1
        }
        if shared_pieces_finish(shared, count, done, pieces) != 0 {
            openGate(at: count)
        } else {
            try waitAtGate(until: count)
        }
    }

    private func openGate(at count: UInt32) {
        shared_word_raise(gate, gate + 1, count)
    }

    /// One word to sleep on, however many members are waited for: where they share cores, each is woken once.
    private func waitAtGate(until count: UInt32) throws {
        if shared_word_spin(gate, count, spins, isCrowded ? 1 : 0) != 0 { return try noteQuickWait() }
        while true {
            let gone = bases.indices.lazy.compactMap { [self] in lossReason(of: $0) }.first
            // After looking who is gone: their last word counts.
            let seen = shared_word_load(gate)
            if Int32(bitPattern: seen &- count) >= 0 { return }
            if let reason = abortReason() { throw CollectiveError.aborted(reason: reason) }
            if let gone { throw gone }
            shared_word_sleep(gate, gate + 1, seen, Self.patienceNanoseconds)
        }
    }

    public func cancel() {
        departure(member).pointee = 1
        shared_word_wake(counter(member))
        shared_word_wake(gate)
    }

    /// Why a member will not come to where it has not come yet; nil while it may.
    private func lossReason(of member: Int) -> CollectiveError? {
        if watches[member] >= 0, shared_memory_process_ended(watches[member]) != 0 {
            return .peerLost(rank: ranks[member], reason: "its process has ended")
        }
        guard shared_word_load(departure(member)) != 0 else { return nil }
        return .peerLost(rank: ranks[member], reason: "it has left the generation")
    }

    /// Ranks that never wait for long are told of an end as well, at a cost that does not show.
    private func noteQuickWait() throws {
        quickWaits &+= 1
        if quickWaits % 64 == 0, let reason = abortReason() { throw CollectiveError.aborted(reason: reason) }
    }

    /// The last count at which all have met, or all shared pieces were done.
    private var gate: UnsafeMutablePointer<UInt32> {
        (bases[0] + Self.gateOffset).assumingMemoryBound(to: UInt32.self)
    }

    private var shared: UnsafeMutablePointer<shared_pieces> {
        (bases[0] + Self.piecesOffset).assumingMemoryBound(to: shared_pieces.self)
    }

    private func counter(_ member: Int) -> UnsafeMutablePointer<UInt32> { word(member, 0) }
    private func sleepers(_ member: Int) -> UnsafeMutablePointer<UInt32> { word(member, 1) }
    private func departure(_ member: Int) -> UnsafeMutablePointer<UInt32> { word(member, 2) }

    private func word(_ member: Int, _ index: Int) -> UnsafeMutablePointer<UInt32> {
        bases[member].assumingMemoryBound(to: UInt32.self) + index
    }
}
