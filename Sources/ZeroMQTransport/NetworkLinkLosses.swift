import Collectives

/// What is known of connections that closed or were never made.
///
/// A closed connection alone is no error: at the end of a run a rank that is done goes while others still wait for
/// messages that are on their way, its own or a third rank's. Its goodbye may come a little later over another
/// connection. So a loss counts only once nothing has arrived for a while, and never after a goodbye.
///
/// A refused connection is no error at once either: the peer may hear of the new generation, and so of our key, a moment
/// after us.
struct NetworkLinkLosses {
    /// How long to hear nothing before a closed connection counts.
    private static let graceMilliseconds = 250
    /// How long to wait before knocking again, and before giving up.
    private static let retryMilliseconds = 100
    private static let refusalMilliseconds = 5000

    private struct Refusal {
        var reason: String
        var wasFinal = false
        var retry: Deadline?
        let end: Deadline
    }

    private var departed: Set<Int> = []
    private var closed: [(peer: Int, reason: String)] = []
    private var refusals: [Int: Refusal] = [:]
    private var quiet = Deadline(afterMilliseconds: -1)

    /// Whether no connection has closed but by departure.
    var isEmpty: Bool { closed.isEmpty }

    func hasDeparted(_ peer: Int) -> Bool { departed.contains(peer) }

    mutating func noteDeparture(of peer: Int) {
        departed.insert(peer)
        closed.removeAll { $0.peer == peer }
    }

    mutating func noteClosed(_ peer: Int, reason: String) {
        guard !departed.contains(peer), !closed.contains(where: { $0.peer == peer }) else { return }
        closed.append((peer, reason))
        noteArrival()
    }

    /// Something arrived: the collective still moves.
    mutating func noteArrival() {
        quiet = Deadline(afterMilliseconds: Self.graceMilliseconds)
    }

    /// - Parameter isFinal: whether libzmq does not try again by itself.
    mutating func noteRefusal(by peer: Int, reason: String, isFinal: Bool) {
        var refusal =
            refusals[peer] ?? Refusal(reason: reason, end: Deadline(afterMilliseconds: Self.refusalMilliseconds))
        // A refusal is followed by the end of its connection, which says less.
        if isFinal || !refusal.wasFinal { refusal.reason = reason }
        refusal.wasFinal = refusal.wasFinal || isFinal
        if isFinal { refusal.retry = Deadline(afterMilliseconds: Self.retryMilliseconds) }
        refusals[peer] = refusal
    }

    mutating func noteConnected(to peer: Int) {
        refusals[peer] = nil
    }

    /// The peers that it is time to knock at again.
    mutating func takeRetries() -> [Int] {
        guard !refusals.isEmpty else { return [] }
        let due = refusals.keys.filter { refusals[$0]?.retry?.hasPassed == true }
        for peer in due { refusals[peer]?.retry = nil }
        return due
    }

    /// How long to wait at most before asking again; -1: for ever.
    var remainingMilliseconds: Int {
        if closed.isEmpty && refusals.isEmpty { return -1 }
        var next = closed.isEmpty ? Deadline(afterMilliseconds: -1) : quiet
        for refusal in refusals.values { next = refusal.end.earlier(of: refusal.retry).earlier(of: next) }
        return next.remainingMilliseconds
    }

    /// - Parameter isQuiet: whether nothing is there to be taken.
    /// - Throws: `CollectiveError.peerLost` if what happened counts as a loss by now.
    func check(isQuiet: Bool) throws {
        if let refusal = refusals.first(where: { $0.value.end.hasPassed }) {
            throw CollectiveError.peerLost(rank: refusal.key, reason: refusal.value.reason)
        }
        if isQuiet, let first = closed.first, quiet.hasPassed {
            throw CollectiveError.peerLost(rank: first.peer, reason: first.reason)
        }
    }
}
