import ClusterTestKit
import Collectives
import Randomness
import SharedMemoryTransport
import Testing

/// Ranks of one host, through each other's memory.
@Suite struct SharedMemoryTests {
    /// A buffer in the arena for some ranks and outside for others.
    private func withBuffer<T: TestElement, Value>(
        _: T.Type, _ count: Int, in arena: SharedArena?, _ body: (UnsafeMutableBufferPointer<T>) throws -> Value
    ) throws -> Value {
        guard let arena else {
            let buffer = UnsafeMutableBufferPointer<T>.allocate(capacity: max(count, 1))
            defer { buffer.deallocate() }
            return try body(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        }
        let block = try arena.allocate(bytes: count * MemoryLayout<T>.stride)
        return try withExtendedLifetime(block) { try body(block.memory.bindMemory(to: T.self)) }
    }

    private func check<T: TestElement>(
        _: T.Type, ranks: Int, count: Int, inArena: @escaping @Sendable (Int) -> Bool
    ) throws {
        let network = InMemoryNetwork(size: ranks)
        let wrong = network.run(hosts: Array(repeating: 0, count: ranks)) { communicator, arena -> [String] in
            try #require(communicator.topology.hostCount == 1)
            var wrong: [String] = []
            for operation in ReductionOperation.allCases {
                try withBuffer(T.self, count, in: inArena(communicator.rank) ? arena : nil) { buffer in
                    for index in 0..<count { buffer[index] = T(small: sample(communicator.rank, index)) }
                    try communicator.allReduce(buffer, operation)
                    let bad = (0..<count).first { index in
                        let inputs = (0..<ranks).lazy.map { sample($0, index) }
                        return buffer[index] != T(small: operation == .sum ? inputs.reduce(0, +) : inputs.max() ?? 0)
                    }
                    if let bad { wrong.append("\(T.self) \(operation) rank \(communicator.rank) element \(bad)") }
                }
            }
            return wrong
        }
        let texts = try wrong.flatMap { try $0.get() }
        #expect(texts.isEmpty, "\(ranks) ranks, \(count) elements: \(texts)")
    }

    @Test(arguments: rankCounts + [32], [0, 1, 3, 4, 100, 1000, 10007])
    func everyTypeAndOperationIsExact(ranks: Int, count: Int) throws {
        for inArena in [{ _ in true }, { _ in false }, { $0 % 2 == 0 }] as [@Sendable (Int) -> Bool] {
            try check(Float.self, ranks: ranks, count: count, inArena: inArena)
            try check(Double.self, ranks: ranks, count: count, inArena: inArena)
            try check(Int32.self, ranks: ranks, count: count, inArena: inArena)
            try check(Int64.self, ranks: ranks, count: count, inArena: inArena)
        }
    }

    @Test(arguments: rankCounts + [32])
    func aMillionElementsAreExactAlsoWhereSomeBuffersAreStaged(ranks: Int) throws {
        try check(Float.self, ranks: ranks, count: 1_000_000) { _ in true }
        try check(Float.self, ranks: ranks, count: 1_000_000) { $0 % 3 == 1 }
        try check(Double.self, ranks: ranks, count: 1_000_000) { _ in false }
    }

    @Test(arguments: rankCounts, [1, 77, 50_000, 700_000])
    func allRanksHaveTheSameBits(ranks: Int, count: Int) throws {
        let digests = try withRanks(ranks, hosts: Array(repeating: 0, count: ranks)) { communicator in
            // Seed 11. Magnitudes far apart, so that every order of summation rounds differently.
            var random = Philox(seed: 11, path: [UInt64(communicator.rank)])
            var values = (0..<count).map { index in
                Float(random.normal()) * (index % 3 == 0 ? 1e-6 : index % 3 == 1 ? 1 : 1e6)
            }
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
            return digest(values)
        }
        #expect(Set(digests).count == 1, "seed 11")
    }

    @Test(arguments: rankCounts)
    func partsOfAnySizeAreGatheredScatteredAndBroadcast(ranks: Int) throws {
        for var counts in GatherScatterTests.layouts(ranks: ranks) {
            counts[0] += 400_000
            let total = counts.reduce(0, +)
            for shared in [true, false] {
                let network = InMemoryNetwork(size: ranks)
                let parts = counts
                let results = network.run(hosts: Array(repeating: 0, count: ranks)) { communicator, arena -> String in
                    let rank = communicator.rank
                    let own = parts[..<rank].reduce(0, +)..<parts[...rank].reduce(0, +)
                    return try withBuffer(Int64.self, total, in: shared ? arena : nil) { buffer in
                        for index in 0..<total { buffer[index] = Int64(sample(rank, index)) }
                        try communicator.reduceScatter(buffer, counts: parts, .sum)
                        for index in own
                        where buffer[index] != Int64((0..<ranks).reduce(0) { $0 + sample($1, index) }) {
                            return "rank \(rank) scattered \(index)"
                        }
                        for index in own { buffer[index] = Int64(index) }
                        try communicator.allGather(
                            UnsafeBufferPointer(rebasing: buffer[own]), counts: parts, into: buffer)
                        for index in 0..<total where buffer[index] != Int64(index) {
                            return "rank \(rank) gathered \(index)"
                        }
                        for root in ranks == 1 ? [0] : [0, ranks - 1] {
                            for index in 0..<total { buffer[index] = Int64(rank == root ? index &* 3 : -1) }
                            try communicator.broadcast(buffer, root: root)
                            for index in 0..<total where buffer[index] != Int64(index &* 3) {
                                return "rank \(rank) broadcast \(index)"
                            }
                        }
                        try communicator.barrier()
                        return ""
                    }
                }
                #expect(try results.map { try $0.get() }.allSatisfy { $0.isEmpty }, "\(counts): \(results)")
            }
        }
    }
}
