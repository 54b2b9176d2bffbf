import ClusterTestKit
import Collectives
import Testing

@Suite struct CalibrationTests {
    static let layouts: [[Int]] = [
        [0], [0, 0], [0, 1], [0, 0, 0], [0, 1, 2], [0, 0, 1, 1], [7, 3, 7, 3, 3], [0, 1, 2, 0, 1, 2],
        [0, 1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8], [4, 4, 4, 4, 4, 4, 4, 4, 9],
    ]

    /// A connection whose cost tells where it is and which way it goes.
    @Sendable private static func cost(_ from: Int, _ to: Int, _ hosts: [Int]) -> LinkCost {
        hosts[from] == hosts[to]
            ? connection(microseconds: 5, gigabits: 40)
            : connection(microseconds: 80 + Double(from + to), gigabits: 1 + Double(from) + Double(to) / 16)
    }

    @Test(arguments: layouts)
    func allRanksFindWhatConnectionsCost(hosts: [Int]) throws {
        let results = try VirtualTime.run(hosts.count, cost: { Self.cost($0, $1, hosts) }) { link in
            try Calibration.measure(over: Communicator(link: link), topology: hosts) { link.nanoseconds }
        }.map(\.value)
        let first = results[0]
        #expect(results.allSatisfy { $0 == first })
        let schedule = CalibrationSchedule(hosts: hosts)
        #expect((first.withinHost != nil) == (schedule.leaders.count < hosts.count))
        if let within = first.withinHost { #expect(isClose(within.alpha, 5e-6, 0.01)) }
        var measured = 0
        for (from, row) in first.betweenHosts.enumerated() {
            for (to, found) in row.enumerated() {
                guard let found else { continue }
                measured += 1
                let expected = Self.cost(schedule.leaders[from], schedule.leaders[to], hosts)
                // An empty answer's time is half a round trip, whichever way is the longer one.
                #expect(isClose(found.alpha, expected.alpha, 0.01), "\(from) to \(to): \(found)")
                #expect(isClose(found.beta, expected.beta, 0.01), "\(from) to \(to): \(found)")
            }
        }
        let count = schedule.leaders.count
        #expect(measured == 2 * schedule.rounds.joined().count)
        #expect(count > 8 || measured == count * (count - 1))
        let model = first.model(ring: first.ringOrdering().hosts)
        #expect(model.ranks == hosts.count && model.hostCount == count)
    }

    @Test func clocksThatDisagreeOrStandStillStillGiveEqualResults() throws {
        for stride in [UInt64(0), 1000] {
            let results = try withRanks(5) { communicator in
                // Each rank's clock goes at another pace, and one of them backwards.
                var time = UInt64(1 << 40)
                return try Calibration.measure(over: communicator, topology: [0, 0, 1, 2, 2]) {
                    let step = stride * UInt64(communicator.rank + 1)
                    time = communicator.rank == 3 ? time - step : time + step
                    return time
                }
            }
            #expect(results.allSatisfy { $0 == results[0] })
            #expect(results[0].betweenHosts[0][2] != nil)
        }
    }

    @Test(arguments: [2, 5, 9])
    func anAbortInTheMiddleThrows(ranks: Int) {
        let hosts = (0..<ranks).map { $0 / 2 }
        for messages in stride(from: 1, through: 61, by: 6) {
            let outcomes = InMemoryNetwork(size: ranks, abortAfterMessages: messages).run { link in
                try Calibration.measure(over: Communicator(link: link), topology: hosts) { 0 }
            }
            let errors = outcomes.compactMap { outcome -> CollectiveError? in
                guard case .failure(let error) = outcome else { return nil }
                return error as? CollectiveError
            }
            // Two ranks need 38 messages and an all-reduce.
            #expect(ranks == 2 && messages > 18 || !errors.isEmpty, "\(messages)")
            for error in errors {
                switch error.cause {
                case .aborted, .peerLost: break
                default: Issue.record("\(error)")
                }
            }
        }
    }

    @Test func hostsThatDoNotFitAreRefused() throws {
        let texts = try withRanks(2) { communicator -> String in
            do {
                _ = try Calibration.measure(over: communicator, topology: [0]) { 0 }
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(texts.allSatisfy { $0.contains("1 hosts are not one for each of 2 ranks") && !$0.contains("\n") })
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 16, 20, 33, 64, 100])
    func aScheduleDisturbsNobodyAndIsBounded(count: Int) {
        // Two ranks a host.
        let schedule = CalibrationSchedule(hosts: (0..<2 * count).map { $0 / 2 })
        #expect(schedule.withinHosts.count == count)
        var pairs: Set<[Int]> = []
        for round in schedule.rounds {
            let busy = round.flatMap { [$0.first, $0.second] }
            #expect(Set(busy).count == busy.count, "a host is in two pairs of a round")
            for pair in round {
                #expect(schedule.leaders.contains(pair.first) && schedule.leaders.contains(pair.second))
                #expect(pairs.insert([pair.first, pair.second].sorted()).inserted, "measured twice")
            }
        }
        if count <= 8 { #expect(pairs.count == count * (count - 1) / 2) }
        for host in 0..<count where count > 1 {
            #expect(pairs.contains([2 * host, 2 * ((host + 1) % count)].sorted()), "the given ring is measured")
        }
        // At 100 Mbit/s: under 0.8 s for up to eight hosts, and logarithmic beyond.
        let seconds = Double(schedule.bytesPerLeader) * 8 / 100e6
        #expect(seconds < (count <= 8 ? 0.8 : 0.35 * Double(Int.bitWidth - count.leadingZeroBitCount)), "\(seconds) s")
    }
}
