/// The peers that a control server has heard of, and the search for those whose connections closed.
///
/// libzmq tells that a connection closed some moments before messages to its peer become unroutable, so one closed
/// connection starts a few rounds of probing, spread over a third of a second.
struct PeerRoster {
    private static let probeMilliseconds = [0, 5, 20, 50, 100, 150]
    private static let laterProbes = probeMilliseconds.dropFirst()

    private var known: Set<PeerIdentity> = []
    private var lost: [PeerIdentity] = []
    /// The rest of the current rounds' pauses.
    private var rounds: ArraySlice<Int> = []
    /// When the next round is due; nil: nothing to look for.
    private(set) var nextProbe: Deadline?

    /// A peer said something.
    mutating func note(_ peer: PeerIdentity) {
        // Its address and key may be new, so the older entry gives way.
        known.update(with: peer)
    }

    /// Some connection closed.
    mutating func expectLoss() {
        guard !known.isEmpty else { return }
        if nextProbe == nil {
            rounds = Self.probeMilliseconds[...]
            scheduleRound()
        } else {
            // Rounds are under way: they go on longer, but not faster, however many strangers come and go.
            rounds = Self.laterProbes
        }
    }

    var probeIsDue: Bool { nextProbe?.hasPassed ?? false }

    /// Begins a round.
    /// - Returns: the peers to try.
    mutating func startProbing() -> [PeerIdentity] {
        scheduleRound()
        return Array(known)
    }

    private mutating func scheduleRound() {
        nextProbe = rounds.popFirst().map { Deadline(afterMilliseconds: $0) }
    }

    /// A message to this peer could not be routed.
    mutating func lose(_ peer: PeerIdentity) {
        if let peer = known.remove(peer) { lost.append(peer) }
    }

    var hasLost: Bool { !lost.isEmpty }

    mutating func takeLost() -> [PeerIdentity] {
        defer { lost.removeAll() }
        return lost
    }
}
