/// One rank's part in a calibration.
///
/// Buffers: the payload is never written to, so it may be on its way any number of times; `Calibration` flushes.
struct LinkProbe {
    let communicator: Communicator
    let schedule: CalibrationSchedule
    /// As long as the longest message at least.
    let payload: UnsafeRawBufferPointer
    let now: () -> UInt64

    func run(_ table: inout CalibrationTable) throws {
        communicator.steps = 1 + schedule.rounds.count
        communicator.step = 1
        for pair in schedule.withinHosts {
            try measure(from: pair.first, to: pair.second, row: 0, &table)
        }
        var row = 1
        for round in schedule.rounds {
            communicator.step += 1
            for pair in round {
                try measure(from: pair.first, to: pair.second, row: row, &table)
                try measure(from: pair.second, to: pair.first, row: row + 1, &table)
                row += 2
            }
        }
    }

    /// Measures one direction, if this rank is at either end.
    private func measure(from: Int, to: Int, row: Int, _ table: inout CalibrationTable) throws {
        if communicator.rank == from {
            // The other may still be busy with the round before: its first answer says that it has come.
            _ = try roundTrip(0, to: to)
            let shortest = try zip(schedule.sizes, schedule.repetitions).map { bytes, repetitions in
                try (0..<repetitions).map { _ in try roundTrip(bytes, to: to) }.min() ?? 0
            }
            let answer = shortest[0] / 2
            table.set(row: row, shortest.map { max($0 - answer, LinkCost.shortestSeconds) })
        } else if communicator.rank == to {
            try answer(0, to: from)
            for (bytes, repetitions) in zip(schedule.sizes, schedule.repetitions) {
                for _ in 0..<repetitions { try answer(bytes, to: from) }
            }
        }
    }

    /// Seconds until a message of `bytes` was answered.
    private func roundTrip(_ bytes: Int, to peer: Int) throws -> Double {
        let start = now()
        try communicator.link.send(UnsafeRawBufferPointer(rebasing: payload[..<bytes]), to: peer)
        try receive(0, from: peer)
        return Calibration.seconds(from: start, to: now())
    }

    private func answer(_ bytes: Int, to peer: Int) throws {
        try receive(bytes, from: peer)
        try communicator.link.send(UnsafeRawBufferPointer(start: nil, count: 0), to: peer)
    }

    private func receive(_ bytes: Int, from peer: Int) throws {
        try communicator.link.receive(from: peer) { message in
            guard message.count == bytes else {
                throw CollectiveError(.sizeMismatch(expected: bytes, got: message.count, from: peer))
            }
        }
    }
}
