/// One question for another rank's clock. Nanoseconds.
public struct ClockSample: Equatable, Sendable {
    /// By the asker's clock, before the question left.
    public let sent: Int64
    /// The other rank's clock, between question and answer.
    public let answered: Int64
    /// By the asker's clock, after the answer came.
    public let received: Int64

    public init(sent: Int64, answered: Int64, received: Int64) {
        self.sent = sent
        self.answered = answered
        self.received = received
    }
}

/// How far another clock is ahead of one's own (Cristian 1989, "Probabilistic clock synchronization"). Nanoseconds.
public struct ClockEstimate: Equatable, Sendable {
    /// What to add to one's own clock to have the other one; negative where the other is behind.
    public let offset: Int64
    /// The offset is wrong by no more than this, however unequal the two ways are.
    public let error: Int64

    /// Of two processes that have the same clock.
    public static let same = ClockEstimate(offset: 0, error: 0)

    public init(offset: Int64, error: Int64) {
        self.offset = offset
        self.error = error
    }

    /// Takes the question with the shortest round trip, and that the answer was given in the middle of it.
    ///
    /// Nil where there is no sample whose answer came after its question.
    public init?(_ samples: [ClockSample]) {
        let sound = samples.filter { $0.received >= $0.sent }
        guard let best = sound.min(by: { $0.received - $0.sent < $1.received - $1.sent }) else { return nil }
        let roundTrip = best.received - best.sent
        offset = best.answered &- (best.sent + roundTrip / 2)
        error = (roundTrip + 1) / 2
    }
}
