import ClusterTestKit
import Collectives
import Randomness
import SharedMemoryTransport
import Testing

/// Several hosts, some with several ranks.
@Suite struct HierarchicalTests {
    static let layouts: [[Int]] = [
        [0, 0, 1], [0, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 2],
        [0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 0, 1, 1, 2, 2, 3, 3, 0, 1, 2, 3, 0, 1, 2, 3],
    ]

    /// Small chunks, so that even buffers of some tens of kilobytes go in many.
    private static let limits = CollectiveLimits(chunkBytes: 4096, minimumChunkBytes: 1024, smallBytes: 8192, window: 3)

    private func run(
        _ hosts: [Int], _ body: @escaping @Sendable (Communicator, SharedArena?) throws -> String
    ) throws {
        let results = InMemoryNetwork(size: hosts.count).run(hosts: hosts, limits: Self.limits, body)
        let texts = try results.map { try $0.get() }
        #expect(texts.allSatisfy { $0.isEmpty }, "\(hosts): \(texts)")
    }

    @Test(arguments: layouts, [1, 100, 10007, 60_000, 300_000])
    func allReduceIsExactWhereverBuffersLie(hosts: [Int], count: Int) throws {
        for inArena in [{ _ in true }, { _ in false }, { $0 % 2 == 0 }] as [@Sendable (Int) -> Bool] {
            try run(hosts) { communicator, arena in
                let rank = communicator.rank
                let block = try arena!.allocate(bytes: count * 4)
                var own = [Int32](repeating: 0, count: count)
                for operation in ReductionOperation.allCases {
                    let wrong = try own.withUnsafeMutableBufferPointer { own -> Int? in
                        let buffer = inArena(rank) ? block.memory.bindMemory(to: Int32.self) : own
                        for index in 0..<count { buffer[index] = Int32(sample(rank, index)) }
                        try communicator.allReduce(buffer, operation)
                        return (0..<count).first { index in
                            let inputs = (0..<hosts.count).lazy.map { sample($0, index) }
                            let expected = operation == .sum ? inputs.reduce(0, +) : inputs.max() ?? 0
                            return buffer[index] != Int32(expected)
                        }
                    }
                    if let wrong { return "\(operation): element \(wrong) on rank \(rank)" }
                }
                return withExtendedLifetime(block) { "" }
            }
        }
    }

    @Test(arguments: layouts)
    func allRanksHaveTheSameBits(hosts: [Int]) throws {
        let digests = try InMemoryNetwork(size: hosts.count).run(hosts: hosts, limits: Self.limits) {
            communicator, arena in
            var random = Philox(seed: 12, path: [UInt64(communicator.rank)])
            let block = try arena!.allocate(bytes: 4 * 70_000)
            let buffer = block.memory.bindMemory(to: Float.self)
            for index in buffer.indices { buffer[index] = Float(random.normal()) * (index % 2 == 0 ? 1e-6 : 1e6) }
            try communicator.allReduce(buffer, .sum)
            return withExtendedLifetime(block) { digest(Array(buffer)) }
        }.map { try $0.get() }
        #expect(Set(digests).count == 1, "seed 12")
    }

    @Test(arguments: layouts)
    func theOtherCollectivesWorkAcrossHosts(hosts: [Int]) throws {
        let counts = hosts.indices.map { $0 % 3 == 1 ? 0 : 3000 + $0 }
        let total = counts.reduce(0, +)
        try run(hosts) { communicator, _ in
            let rank = communicator.rank
            let own = counts[..<rank].reduce(0, +)..<counts[...rank].reduce(0, +)
            var values = (0..<total).map { Int64(sample(rank, $0)) }
            return try values.withUnsafeMutableBufferPointer { buffer in
                try communicator.reduceScatter(buffer, counts: counts, .sum)
                for index in own where buffer[index] != Int64(hosts.indices.reduce(0) { $0 + sample($1, index) }) {
                    return "scattered \(index) on rank \(rank)"
                }
                for index in own { buffer[index] = Int64(index) }
                try communicator.allGather(UnsafeBufferPointer(rebasing: buffer[own]), counts: counts, into: buffer)
                for index in 0..<total where buffer[index] != Int64(index) {
                    return "gathered \(index) on rank \(rank)"
                }
                for root in hosts.indices {
                    for length in [5, total] {
                        let part = UnsafeMutableBufferPointer(rebasing: buffer[..<length])
                        for index in 0..<length { part[index] = Int64(rank == root ? index + root : -1) }
                        try communicator.broadcast(part, root: root)
                        for index in 0..<length where part[index] != Int64(index + root) {
                            return "broadcast from \(root): \(index) on rank \(rank)"
                        }
                    }
                }
                return ""
            }
        }
    }

    @Test(arguments: layouts)
    func noRankLeavesABarrierBeforeAllHaveEntered(hosts: [Int]) throws {
        let entered = Counter()
        try run(hosts) { communicator, _ in
            for round in 1...20 {
                entered.increment()
                try communicator.barrier()
                if entered.value < round * hosts.count { return "left early in round \(round)" }
            }
            return ""
        }
    }

    @Test(arguments: layouts)
    func anAbortAtAnyPointEndsAllRanks(hosts: [Int]) throws {
        for seed in UInt64(0)..<8 {
            var random = Philox(seed: seed, path: [UInt64(hosts.count)])
            let network = InMemoryNetwork(size: hosts.count, abortAfterMessages: 60 + random.below(400))
            let results = network.run(hosts: hosts, limits: Self.limits) { communicator, arena in
                let block = try arena!.allocate(bytes: 4 * 40_000)
                let buffer = block.memory.bindMemory(to: Float.self)
                while true {
                    try communicator.allReduce(buffer, .max)
                    try communicator.allReduce(UnsafeMutableBufferPointer(rebasing: buffer[..<9]), .max)
                    try communicator.broadcast(buffer, root: hosts.count - 1)
                }
            }
            for result in results {
                guard case .failure(let error) = result else { continue }
                switch (error as? CollectiveError)?.cause {
                case .aborted, .peerLost: break
                default: Issue.record("seed \(seed): \(error)")
                }
            }
        }
    }
}
