extension Communicator {
    /// Each rank that is not on rank 0's host asks rank 0 for its clock, one rank after the other.
    ///
    /// All ranks call it with the same `rounds`. The clock is the caller's, as collectives read none.
    ///
    /// - Parameters:
    ///   - rounds: ping-pongs for each rank.
    ///   - now: this process' clock (ns).
    /// - Returns: `rounds` samples; none on rank 0 and on ranks of its host, whose clock is the same.
    public func exchangeClocks(rounds: Int, now: () -> Int64) throws -> [ClockSample] {
        var samples: [ClockSample] = []
        try perform("clock exchange") {
            observer?.proceeds(by: "ping-pong")
            let askers = (1..<size).filter { topology.hosts[$0] != topology.hosts[0] }
            if rank == 0 {
                for peer in askers { try answer(peer, rounds, now) }
            } else if askers.contains(rank) {
                samples = try ask(rounds, now)
            }
        }
        return samples
    }

    private func answer(_ peer: Int, _ rounds: Int, _ now: () -> Int64) throws {
        let answers = scratch(bytes: rounds * 8).bindMemory(to: Int64.self, capacity: rounds)
        for round in 0..<rounds {
            try link.receive(from: peer) { bytes in
                guard bytes.count == 0 else {
                    throw CollectiveError(.sizeMismatch(expected: 0, got: bytes.count, from: peer))
                }
            }
            answers[round] = now()
            try link.send(UnsafeRawBufferPointer(start: answers + round, count: 8), to: peer)
        }
        try link.flush()
    }

    private func ask(_ rounds: Int, _ now: () -> Int64) throws -> [ClockSample] {
        var samples: [ClockSample] = []
        for _ in 0..<rounds {
            let sent = now()
            try link.send(UnsafeRawBufferPointer(start: nil, count: 0), to: 0)
            var answered: Int64 = 0
            try link.receive(from: 0) { bytes in
                guard bytes.count == 8 else {
                    throw CollectiveError(.sizeMismatch(expected: 8, got: bytes.count, from: 0))
                }
                answered = bytes.loadUnaligned(as: Int64.self)
            }
            samples.append(ClockSample(sent: sent, answered: answered, received: now()))
        }
        try link.flush()
        return samples
    }
}
