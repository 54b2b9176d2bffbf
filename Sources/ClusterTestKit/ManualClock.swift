/// A clock that moves only when told to. Milliseconds since its beginning.
public struct ManualClock: Sendable {
    public private(set) var now: UInt64

    /// - Parameter now: what it shows first, in milliseconds.
    public init(now: UInt64 = 0) {
        self.now = now
    }

    /// Moves on. It traps where milliseconds no longer fit into 64 bits.
    public mutating func advance(by milliseconds: UInt64) {
        now += milliseconds
    }

    /// Moves to `time`, never backwards.
    public mutating func advance(to time: UInt64) {
        now = max(now, time)
    }
}
