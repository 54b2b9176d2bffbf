import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct AllToAllTests {
    /// What each rank sends to each: even, uneven, sparse, all to one, nothing at all. Seed 6.
    static func layouts(ranks: Int) -> [[[Int]]] {
        var random = Philox(seed: 6, path: [UInt64(ranks)])
        let all = 0..<ranks
        return [
            all.map { _ in all.map { _ in 25 } },
            all.map { source in all.map { source * 3 + $0 * 5 } },
            all.map { _ in all.map { _ in random.chance(0.4) ? 0 : random.below(700) } },
            all.map { _ in all.map { $0 == ranks / 2 ? 301 : 0 } },
            all.map { _ in all.map { _ in 0 } },
        ]
    }

    @Test(arguments: rankCounts)
    func everyRankGetsItsUnevenPartOfEveryOther(ranks: Int) throws {
        for counts in Self.layouts(ranks: ranks) {
            for limits in [CollectiveLimits(), ringOnly] {
                let received = try withRanks(ranks, limits: limits) { communicator in
                    let rank = communicator.rank
                    let own = (0..<ranks).flatMap { target in
                        (0..<counts[rank][target]).map { Int32(sample(rank * ranks + target, $0)) }
                    }
                    let receiveCounts = counts.map { $0[rank] }
                    var all = [Int32](repeating: -9999, count: receiveCounts.reduce(0, +))
                    try own.withUnsafeBufferPointer { own in
                        try all.withUnsafeMutableBufferPointer {
                            try communicator.allToAll(
                                own, sendCounts: counts[rank], into: $0, receiveCounts: receiveCounts)
                        }
                    }
                    return all
                }
                for rank in 0..<ranks {
                    let expected = (0..<ranks).flatMap { source in
                        (0..<counts[source][rank]).map { Int32(sample(source * ranks + rank, $0)) }
                    }
                    #expect(received[rank] == expected, "seed 6, rank \(rank), \(counts)")
                }
            }
        }
    }

    /// Rank 0 believes that its neighbour sends it one element more, or one where there is none.
    @Test(arguments: [0, 7])
    func ranksThatDisagreeAboutAPartAreTold(count: Int) throws {
        let outcomes = InMemoryNetwork(size: 3).run { link in
            let communicator = Communicator(link: link)
            let counts = [count, count, count]
            let expected = link.rank == 0 ? [count, count, count + 1] : counts
            let own = [Float](repeating: 1, count: counts.reduce(0, +))
            var all = [Float](repeating: 0, count: expected.reduce(0, +))
            try own.withUnsafeBufferPointer { own in
                try all.withUnsafeMutableBufferPointer {
                    try communicator.allToAll(own, sendCounts: counts, into: $0, receiveCounts: expected)
                }
            }
        }
        guard case .failure(let error) = outcomes[0] else {
            Issue.record("rank 0 noticed nothing")
            return
        }
        let cause = try #require(error as? CollectiveError).cause
        #expect(cause == .sizeMismatch(expected: (count + 1) * 4, got: count * 4, from: 2))
    }

    @Test func argumentsThatDoNotFitAreRefused() throws {
        for (send, receive) in [([1, 2], [2, 2]), ([2], [2]), ([3, -1], [1, 1]), ([1, 2], [1, 1])] {
            let outcome = InMemoryNetwork(size: 2).run { link in
                let values = [Int64](repeating: 0, count: 3)
                var all = [Int64](repeating: 0, count: 3)
                let communicator = Communicator(link: link)
                try values.withUnsafeBufferPointer { own in
                    try all.withUnsafeMutableBufferPointer {
                        try communicator.allToAll(own, sendCounts: send, into: $0, receiveCounts: receive)
                    }
                }
            }[0]
            guard case .failure(let error) = outcome, case .invalidArgument? = (error as? CollectiveError)?.cause
            else {
                Issue.record("\(send), \(receive): \(outcome)")
                continue
            }
        }
    }
}
