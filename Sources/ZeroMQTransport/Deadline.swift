import Glibc

/// A point on the monotonic clock until which to wait, so that a wait that is woken early can go on for its rest.
struct Deadline {
    /// Nanoseconds of `CLOCK_MONOTONIC`; nil: never.
    private let nanoseconds: UInt64?

    /// - Parameter afterMilliseconds: negative: never.
    init(afterMilliseconds: Int) {
        nanoseconds = afterMilliseconds < 0 ? nil : Self.now() &+ UInt64(afterMilliseconds) &* 1_000_000
    }

    /// What is left, rounded up, as `zmq_poll` takes it: -1 waits for ever, 0 does not wait.
    var remainingMilliseconds: Int {
        guard let nanoseconds else { return -1 }
        let now = Self.now()
        return now >= nanoseconds ? 0 : Int((nanoseconds - now + 999_999) / 1_000_000)
    }

    var hasPassed: Bool { remainingMilliseconds == 0 }

    /// The earlier of this and another one.
    func earlier(of other: Deadline?) -> Deadline {
        guard let theirs = other?.nanoseconds else { return self }
        guard let ours = nanoseconds else { return other ?? self }
        return ours <= theirs ? self : other ?? self
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
