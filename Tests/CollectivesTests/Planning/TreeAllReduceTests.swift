import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct TreeAllReduceTests {
    @Test(arguments: rankCounts, [0, 1, 3, 1000, 10007])
    func sumsAndMaximaAreExact(ranks: Int, count: Int) throws {
        for operation in ReductionOperation.allCases {
            let wrong = try withRanks(ranks) { communicator in
                var values = (0..<count).map { Int64(sample(communicator.rank, $0)) }
                try values.withUnsafeMutableBufferPointer { try communicator.treeAllReduce($0, operation) }
                return values.indices.first { index in
                    let inputs = (0..<ranks).lazy.map { sample($0, index) }
                    return values[index] != Int64(operation == .sum ? inputs.reduce(0, +) : inputs.max() ?? 0)
                }
            }
            #expect(wrong.allSatisfy { $0 == nil }, "\(operation): \(wrong)")
        }
    }

    @Test(arguments: rankCounts)
    func allRanksHaveTheSameBits(ranks: Int) throws {
        let digests = try withRanks(ranks) { communicator in
            // Seed 12. Magnitudes far apart, so that every order of summation rounds differently.
            var random = Philox(seed: 12, path: [UInt64(communicator.rank)])
            var values = (0..<5000).map { Float(random.normal()) * ($0 % 2 == 0 ? 1e-6 : 1e6) }
            // Twice, so that a buffer that was still on its way would be noticed.
            for _ in 0..<2 {
                try values.withUnsafeMutableBufferPointer { try communicator.treeAllReduce($0, .sum) }
            }
            return digest(values)
        }
        #expect(Set(digests).count == 1, "seed 12")
    }

    @Test(arguments: [2, 3, 5, 8])
    func anAbortAtAnyPointEndsAllRanks(ranks: Int) {
        for messages in 1...2 * (ranks - 1) {
            let outcomes = InMemoryNetwork(size: ranks, abortAfterMessages: messages).run { link in
                var values = [Float](repeating: 1, count: 100)
                let communicator = Communicator(link: link)
                try values.withUnsafeMutableBufferPointer { try communicator.treeAllReduce($0, .sum) }
            }
            let errors = outcomes.compactMap { outcome -> CollectiveError? in
                guard case .failure(let error) = outcome else { return nil }
                return error as? CollectiveError
            }
            #expect(messages == 2 * (ranks - 1) || !errors.isEmpty)
            #expect(
                errors.allSatisfy { $0.place?.collective == "all-reduce" && ($0.place?.step ?? 0) > 0 }, "\(errors)")
        }
    }
}
