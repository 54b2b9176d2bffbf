/// Notices that nobody in a ring moves on, though all are alive.
struct StallWatch: Sendable {
    private let limit: UInt64
    private var lastMove: UInt64
    private var reportAfter: UInt64

    init(limit: UInt64, now: UInt64) {
        self.limit = limit
        lastMove = now
        reportAfter = limit
    }

    mutating func moved(_ now: UInt64) {
        lastMove = now
        reportAfter = limit
    }

    /// The time without any move, when it is due to be reported: after the limit, twice that, four times and so on.
    mutating func dueReport(_ now: UInt64) -> UInt64? {
        let still = now.since(lastMove)
        guard still >= reportAfter else { return nil }
        reportAfter *= 2
        return still
    }
}
