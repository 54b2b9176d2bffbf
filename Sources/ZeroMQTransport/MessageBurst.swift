/// Whether short messages are waited for one right after the other, hardly anything being computed in between: a burst.
///
/// Where a rank waits for many of them, each wait that fits counts for a burst and each that does not against it, so that
/// a moment in which the machine does something else does not end one, and a training step's small sums, with kernels
/// between most of them, never make one.
package struct MessageBurst {
    /// What lies at most between two waits of a burst, and how long one of them takes at most.
    package static let limit = Duration.microseconds(300)
    /// So many waits that fit begin a burst.
    package static let beginning = 16
    /// So many of them are outweighed by one that does not fit.
    private static let weight = 8
    /// So many are remembered at most.
    private static let memory = 32

    package private(set) var isOn = false
    private var score = 0
    private var began: ContinuousClock.Instant?
    private var ended: ContinuousClock.Instant?

    package init() {}

    /// A wait for a short message begins.
    package mutating func waitBegins(at now: ContinuousClock.Instant) {
        if let ended, now - ended > Self.limit { count(-Self.weight) }
        began = now
    }

    /// What it waited for is there.
    package mutating func waitEnds(at now: ContinuousClock.Instant) {
        if let began { count(now - began > Self.limit ? -Self.weight : 1) }
        ended = now
    }

    /// Something else than a short message is waited for: nothing of before counts any more.
    package mutating func end() {
        score = 0
        isOn = false
    }

    private mutating func count(_ change: Int) {
        score = min(max(score + change, 0), Self.memory)
        if score >= Self.beginning { isOn = true }
        if score == 0 { isOn = false }
    }
}
