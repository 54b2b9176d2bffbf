import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct GatherScatterTests {
    /// Even, uneven, with empty parts at either end, all in one part, and nothing at all.
    static func layouts(ranks: Int) -> [[Int]] {
        var random = Philox(seed: 5, path: [UInt64(ranks)])
        return [
            Array(repeating: 25, count: ranks),
            (0..<ranks).map { $0 },
            (0..<ranks).map { (ranks - $0) * 7 % 5 },
            (0..<ranks).map { $0 == ranks / 2 ? 3001 : 0 },
            (0..<ranks).map { _ in random.chance(0.4) ? 0 : random.below(2000) },
            Array(repeating: 0, count: ranks),
        ]
    }

    @Test(arguments: rankCounts)
    func allGatherConcatenatesUnevenParts(ranks: Int) throws {
        for counts in Self.layouts(ranks: ranks) {
            for limits in [CollectiveLimits(), ringOnly] {
                let gathered = try withRanks(ranks, limits: limits) { communicator in
                    let rank = communicator.rank
                    let own = (0..<counts[rank]).map { Double(sample(rank, $0)) }
                    var all = [Double](repeating: .nan, count: counts.reduce(0, +))
                    try own.withUnsafeBufferPointer { own in
                        try all.withUnsafeMutableBufferPointer {
                            try communicator.allGather(own, counts: counts, into: $0)
                        }
                    }
                    return all
                }
                let expected = counts.indices.flatMap { rank in (0..<counts[rank]).map { Double(sample(rank, $0)) } }
                #expect(gathered.allSatisfy { $0 == expected }, "seed 5, \(counts)")
            }
        }
    }

    @Test func allGatherTakesAPartThatIsInItsPlace() throws {
        let gathered = try withRanks(3) { communicator in
            var all = [Int32](repeating: 0, count: 6)
            try all.withUnsafeMutableBufferPointer { all in
                let own = UnsafeMutableBufferPointer(rebasing: all[communicator.rank * 2..<communicator.rank * 2 + 2])
                own[0] = Int32(communicator.rank)
                own[1] = -1
                try communicator.allGather(UnsafeBufferPointer(own), counts: [2, 2, 2], into: all)
            }
            return all
        }
        #expect(gathered.allSatisfy { $0 == [0, -1, 1, -1, 2, -1] })
    }

    @Test(arguments: rankCounts)
    func reduceScatterLeavesEachRankItsPart(ranks: Int) throws {
        for counts in Self.layouts(ranks: ranks) {
            for limits in [CollectiveLimits(), ringOnly] {
                let parts = try withRanks(ranks, limits: limits) { communicator in
                    let rank = communicator.rank
                    var values = (0..<counts.reduce(0, +)).map { Int64(sample(rank, $0)) }
                    try values.withUnsafeMutableBufferPointer {
                        try communicator.reduceScatter($0, counts: counts, .sum)
                    }
                    let start = counts[..<rank].reduce(0, +)
                    return Array(values[start..<start + counts[rank]])
                }
                let expected = (0..<counts.reduce(0, +)).map { index in
                    Int64((0..<ranks).reduce(0) { $0 + sample($1, index) })
                }
                #expect(parts.flatMap { $0 } == expected, "seed 5, \(counts)")
            }
        }
    }

    @Test(arguments: rankCounts, [0, 1, 100, 40_000])
    func broadcastGivesAllRanksRootsBytes(ranks: Int, bytes: Int) throws {
        for limits in [CollectiveLimits(), ringOnly] {
            for root in Set([0, ranks / 2, ranks - 1]) {
                let received = try withRanks(ranks, limits: limits) { communicator in
                    let isRoot = communicator.rank == root
                    var values = (0..<bytes).map { isRoot ? UInt8(truncatingIfNeeded: sample(root, $0)) : 0 }
                    try values.withUnsafeMutableBytes { try communicator.broadcast($0, root: root) }
                    return values
                }
                let expected = (0..<bytes).map { UInt8(truncatingIfNeeded: sample(root, $0)) }
                #expect(received.allSatisfy { $0 == expected }, "root \(root)")
            }
        }
    }

    @Test(arguments: rankCounts)
    func noRankLeavesABarrierBeforeAllHaveEntered(ranks: Int) throws {
        let entered = Counter()
        let seen = try withRanks(ranks) { communicator in
            try (1...20).map { round in
                entered.increment()
                try communicator.barrier()
                return entered.value >= round * ranks
            }
        }
        #expect(seen.joined().allSatisfy { $0 })
    }

    @Test(arguments: [2, 3, 5])
    func differentCollectivesFollowEachOther(ranks: Int) throws {
        let results = try withRanks(ranks, limits: ringOnly) { communicator in
            var total: Int64 = 0
            for round in 0..<50 {
                var values = [Int64](repeating: Int64(communicator.rank + round), count: 1 + round * 13)
                try values.withUnsafeMutableBufferPointer { buffer in
                    try communicator.allReduce(buffer, .sum)
                    try communicator.broadcast(buffer, root: round % communicator.size)
                    try communicator.allReduce(UnsafeMutableBufferPointer(rebasing: buffer[..<1]), .max)
                }
                try communicator.barrier()
                total += values[values.count - 1]
            }
            return total
        }
        let expected = (0..<50).reduce(Int64(0)) { $0 + Int64(ranks * (ranks - 1) / 2 + ranks * $1) }
        #expect(results.allSatisfy { $0 == expected })
    }
}
