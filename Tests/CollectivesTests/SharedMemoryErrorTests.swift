import ClusterTestKit
import Collectives
import Randomness
import SharedMemoryTransport
import Testing

@Suite struct SharedMemoryErrorTests {
    /// Many collectives, so that an abort falls into any of them.
    @Sendable private static func work(_ communicator: Communicator, steps: Int) throws -> [Int64] {
        var values = (0..<20_000).map { Int64(sample(communicator.rank, $0)) }
        for _ in 0..<steps {
            try values.withUnsafeMutableBufferPointer { buffer in
                try communicator.allReduce(buffer, .max)
                try communicator.allReduce(UnsafeMutableBufferPointer(rebasing: buffer[..<40]), .sum)
                try communicator.broadcast(buffer, root: communicator.size - 1)
                try communicator.barrier()
            }
        }
        return values
    }

    @Test(arguments: [2, 3, 5, 8])
    func anAbortAtAnyPointEndsAllRanksAndAFreshGenerationWorks(ranks: Int) throws {
        let hosts = Array(repeating: 0, count: ranks)
        let undisturbed = try InMemoryNetwork(size: ranks).run(hosts: hosts) { communicator, _ in
            try Self.work(communicator, steps: 2)
        }.map { try $0.get() }
        for seed in UInt64(0)..<15 {
            var random = Philox(seed: seed, path: [UInt64(ranks)])
            let last = random.below(12)
            let culprit = random.below(ranks)
            let network = InMemoryNetwork(size: ranks)
            let results = network.run(hosts: hosts) { communicator, _ -> [Int64] in
                if communicator.rank == culprit {
                    _ = try Self.work(communicator, steps: last)
                    network.abort("seed \(seed)")
                }
                return try Self.work(communicator, steps: 1 << 20)
            }
            for result in results {
                guard case .failure(let error) = result else {
                    Issue.record("seed \(seed): a rank went on")
                    continue
                }
                switch try #require(error as? CollectiveError, "seed \(seed)").cause {
                case .aborted, .peerLost: break
                default: Issue.record("seed \(seed): \(error)")
                }
            }
            let again = try InMemoryNetwork(size: ranks).run(hosts: hosts) { communicator, _ in
                try Self.work(communicator, steps: 2)
            }.map { try $0.get() }
            #expect(again == undisturbed, "seed \(seed)")
        }
    }

    @Test(arguments: [2, 8], [400, 400_000])
    func ranksThatCallWithDifferentSizesAreTold(ranks: Int, bytes: Int) throws {
        let hosts = Array(repeating: 0, count: ranks)
        let outcomes = InMemoryNetwork(size: ranks).run(hosts: hosts) { communicator, _ in
            var values = [Float](repeating: 1, count: bytes / 4 + communicator.rank)
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        }
        for outcome in outcomes {
            guard case .failure(let error as CollectiveError) = outcome else {
                Issue.record("a rank took a sum of different sizes: \(outcome)")
                continue
            }
            switch error.cause {
            case .sizeMismatch, .peerLost: break
            default: Issue.record("\(error)")
            }
        }
    }

    @Test func aRankThatLeavesIsALossForThoseWhoWaitForIt() throws {
        let outcomes = InMemoryNetwork(size: 3).run(hosts: [0, 0, 0]) { communicator, _ in
            if communicator.rank == 2 { return }
            try communicator.barrier()
        }
        let causes = outcomes.compactMap { outcome -> CollectiveError.Cause? in
            guard case .failure(let error) = outcome else { return nil }
            return (error as? CollectiveError)?.cause
        }
        #expect(causes.count == 2)
        #expect(
            causes.allSatisfy { cause in
                if case .peerLost = cause { true } else { false }
            }, "\(causes)")
    }

    @Test func ranksThatShareNoMemoryUseTheNetwork() throws {
        let counts = try InMemoryNetwork(size: 4).run(hosts: [0, 1, 2, 3]) { communicator, _ in
            var values = [Float](repeating: 1, count: 5)
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
            return (communicator.topology.hostCount, values)
        }.map { try $0.get() }
        #expect(counts.allSatisfy { $0 == (4, [4, 4, 4, 4, 4]) })
    }
}
