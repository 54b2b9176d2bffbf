import Collectives

/// How a rank's clock stands to its trace's, which is that of the first generation's rank 0. Nanoseconds.
package struct TraceClock: Equatable, Sendable {
    /// What to add to this process' clock to have the trace's.
    package let offset: Int64
    /// The offset is wrong by no more than this.
    package let error: Int64

    package init(offset: Int64, error: Int64) {
        self.offset = offset
        self.error = error
    }

    /// Ping-pongs for each rank; a few are undisturbed even on a busy machine.
    private static let rounds = 16

    /// Brings the clocks of a generation's ranks together. All ranks call it.
    ///
    /// - Parameters:
    ///   - known: from an earlier generation of this process.
    ///   - now: this process' clock (ns).
    /// - Returns: by rank.
    static func agree(over communicator: Communicator, known: TraceClock?, now: () -> Int64) throws -> [TraceClock] {
        let estimate = ClockEstimate(try communicator.exchangeClocks(rounds: rounds, now: now)) ?? .same
        let offsets = try communicator.gathered(estimate.offset)
        let errors = try communicator.gathered(estimate.error)
        let isKnown = try communicator.gathered(Int64(known == nil ? 0 : 1))
        let knownOffsets = try communicator.gathered(known?.offset ?? 0)
        let knownErrors = try communicator.gathered(known?.error ?? 0)
        return resolve(
            zip(offsets, errors).map { ClockEstimate(offset: $0, error: $1) },
            known: isKnown.indices.map {
                isKnown[$0] == 1 ? TraceClock(offset: knownOffsets[$0], error: knownErrors[$0]) : nil
            }, hosts: communicator.topology.hosts)
    }

    /// The clocks by what each rank knows.
    ///
    /// Ranks of one host have one clock, so that the best of their estimates counts for all. A rank 0 that is new to the
    /// run learns the trace's clock from a rank that is not.
    ///
    /// - Parameters:
    ///   - estimates: by rank: how far rank 0's clock is ahead of its own.
    ///   - known: by rank: how its clock stood to the trace's in an earlier generation.
    ///   - hosts: by rank: the number of its host.
    package static func resolve(
        _ estimates: [ClockEstimate], known: [TraceClock?], hosts: [Int]
    ) -> [TraceClock] {
        let toRankZero = hosts.map { host -> ClockEstimate in
            if host == hosts[0] { return .same }
            let candidates = hosts.indices.filter { hosts[$0] == host }.map { estimates[$0] }
            return candidates.min { $0.error < $1.error } ?? .same
        }
        var base = TraceClock(offset: 0, error: 0)
        if let rank = known.indices.first(where: { known[$0] != nil }), let clock = known[rank] {
            base = TraceClock(
                offset: clock.offset &- toRankZero[rank].offset, error: clock.error &+ toRankZero[rank].error)
        }
        return toRankZero.map { TraceClock(offset: base.offset &+ $0.offset, error: base.error &+ $0.error) }
    }
}
