/// Measures what messages cost among the ranks of a generation.
///
/// Times are taken by the sender of a message, which waits for an empty answer: no two ranks' clocks are compared. Half
/// an empty message's round trip is α; what a longer one takes beyond the answer's way is its own.
public enum Calibration {
    /// Bytes combined to measure γ: they fit in a second-level cache, as chunks that just arrived do.
    private static let combinedBytes = 256 << 10
    private static let combinedRepetitions = 3

    /// Measures together with all other ranks, which must call this at the same place among their collectives.
    ///
    /// What is sent depends on `hosts` alone, see `CalibrationSchedule`. Every rank measures some connections; the
    /// numbers are shared by an all-reduce, so that all compute their result from the same ones.
    ///
    /// - Parameters:
    ///   - hosts: by rank: any number that tells its host from others.
    ///   - now: a clock that does not go backwards (nanoseconds).
    /// - Throws: `CollectiveError`, as any collective; also if `hosts` are not one for each rank.
    public static func measure(
        over communicator: Communicator, topology hosts: [Int], now: () -> UInt64
    ) throws -> CalibrationResult {
        guard hosts.count == communicator.size else {
            throw CollectiveError(
                .invalidArgument("\(hosts.count) hosts are not one for each of \(communicator.size) ranks"))
        }
        let schedule = CalibrationSchedule(hosts: hosts)
        var table = CalibrationTable(schedule)
        // Outlives the collective: after an error `perform` cancels the link, and only then nothing reads it any more.
        let bytes = max(combinedBytes, schedule.sizes.max() ?? 0)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes + combinedBytes, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        let payload = UnsafeRawBufferPointer(rebasing: memory[..<bytes])
        try communicator.perform("calibration") {
            table.gamma = combineSeconds(payload, into: memory.baseAddress! + bytes, now)
            try withoutActuallyEscaping(now) { now in
                try LinkProbe(communicator: communicator, schedule: schedule, payload: payload, now: now).run(&table)
            }
            try communicator.link.flush()
        }
        try table.values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .max) }
        return table.result
    }

    /// Seconds a byte combined.
    private static func combineSeconds(
        _ source: UnsafeRawBufferPointer, into sum: UnsafeMutableRawPointer, _ now: () -> UInt64
    ) -> Double {
        let reduction = Reduction(.sum, .float)
        let shortest =
            (0..<combinedRepetitions).map { _ in
                let start = now()
                reduction(source.baseAddress!, source.baseAddress!, into: sum, bytes: combinedBytes)
                return seconds(from: start, to: now())
            }.min() ?? 0
        return shortest / Double(combinedBytes)
    }

    static func seconds(from start: UInt64, to end: UInt64) -> Double {
        Double(end > start ? end - start : 0) * 1e-9
    }
}

/// The numbers that ranks share: γ, then one-way seconds for each of the schedule's sizes within hosts, then for each
/// connection between hosts. What this rank did not measure is 0, so that the maximum over ranks is what somebody did.
struct CalibrationTable {
    let schedule: CalibrationSchedule
    var values: [Double]

    init(_ schedule: CalibrationSchedule) {
        self.schedule = schedule
        values = Array(repeating: 0, count: 1 + schedule.sizes.count * (1 + schedule.connections.count))
    }

    var gamma: Double {
        get { values[0] }
        set { values[0] = newValue }
    }

    /// - Parameter row: 0 within hosts, then the connections in their order.
    mutating func set(row: Int, _ seconds: [Double]) {
        let start = 1 + row * schedule.sizes.count
        values.replaceSubrange(start..<start + schedule.sizes.count, with: seconds)
    }

    private func cost(row: Int) -> LinkCost? {
        let start = 1 + row * schedule.sizes.count
        let samples = schedule.sizes.indices.map { (bytes: schedule.sizes[$0], seconds: values[start + $0]) }
        var cost = LinkCost.fit(samples: samples)
        cost?.gamma = gamma
        return cost
    }

    var result: CalibrationResult {
        let count = schedule.leaders.count
        var between = Array(repeating: [LinkCost?](repeating: nil, count: count), count: count)
        for (index, connection) in schedule.connections.enumerated() {
            between[schedule.hosts[connection.from]][schedule.hosts[connection.to]] = cost(row: 1 + index)
        }
        return CalibrationResult(
            hosts: schedule.hosts, withinHost: schedule.withinHosts.isEmpty ? nil : cost(row: 0),
            betweenHosts: between, gamma: gamma)
    }
}
