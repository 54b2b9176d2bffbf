import ClusterTestKit
import Collectives
import Randomness
import Testing

/// What all gradient compressors promise.
@Suite struct GradientCompressorTests {
    @Test(arguments: rankCounts, [0, 1, 3, 4, 100, 1000, 10007])
    func allRanksHaveTheSameBitsStepAfterStep(ranks: Int, count: Int) throws {
        for compression in compressions {
            for limits in [CollectiveLimits(), ringOnly] where limits == CollectiveLimits() || count <= 1000 {
                let sums = try compressedSums(compression, ranks: ranks, count: count, steps: 3, limits: limits) {
                    randomGradient(seed: 31, rank: $0, step: $1, count: count)
                }
                let digests = Set(sums.map { digest($0.joined()) })
                #expect(digests.count == 1, "seed 31, \(compression), \(ranks) ranks, \(count) elements")
                #expect(sums[0].joined().allSatisfy { $0.isFinite }, "seed 31, \(compression)")
            }
        }
    }

    @Test func oneRankKeepsItsGradientAndSendsNothing() throws {
        for compression in compressions {
            let network = InMemoryNetwork(size: 1, abortAfterMessages: 1)
            let same = try network.run { link in
                let compressor = compression.makeCompressor(layout: layout(count: 300), seed: 1)
                let gradient = randomGradient(seed: 32, rank: 0, step: 0, count: 300)
                var values = gradient
                try values.withUnsafeMutableBufferPointer {
                    try compressor.allReduceSum($0, over: Communicator(link: link))
                }
                return values == gradient && compressor.sentBytes == 0
            }[0].get()
            #expect(same, "\(compression)")
        }
    }

    @Test(arguments: compressions)
    func infinitiesAndNotNumbersArriveAndAreGoneInTheNextStep(compression: GradientCompression) throws {
        for (bad, place) in [(Float.nan, 5), (.infinity, 5), (-.infinity, 999), (.signalingNaN, 700)] {
            let sums = try compressedSums(compression, ranks: 3, count: 1000, steps: 4) { rank, step in
                var values = randomGradient(seed: 33, rank: rank, step: step, count: 1000)
                if rank == 1 && step == 1 { values[place] = bad }
                return values
            }
            #expect(Set(sums.map { digest($0.joined()) }).count == 1, "seed 33, \(bad)")
            #expect(!sums[0][1][place].isFinite, "seed 33, \(bad) became \(sums[0][1][place])")
            for step in [0, 2, 3] {
                #expect(sums[0][step].allSatisfy { $0.isFinite }, "seed 33, \(bad), step \(step)")
            }
        }
    }

    @Test(arguments: compressions)
    func anAbortAtAnyPointIsACollectiveError(compression: GradientCompression) throws {
        for seed in UInt64(0)..<30 {
            var random = Philox(seed: seed, path: [])
            let network = InMemoryNetwork(size: 4, abortAfterMessages: 1 + random.below(40))
            let outcomes = network.run { link in
                let compressor = compression.makeCompressor(layout: layout(count: 1000), seed: 1)
                let communicator = Communicator(link: link, limits: ringOnly)
                for step in 0..<100 {
                    var values = randomGradient(seed: 34, rank: link.rank, step: step, count: 1000)
                    try values.withUnsafeMutableBufferPointer { try compressor.allReduceSum($0, over: communicator) }
                }
            }
            for outcome in outcomes {
                guard case .failure(let error) = outcome else {
                    Issue.record("seed \(seed): not aborted")
                    continue
                }
                switch try #require(error as? CollectiveError, "seed \(seed)").cause {
                case .aborted, .peerLost: break
                default: Issue.record("seed \(seed): \(error)")
                }
            }
        }
    }

    /// A step fails on all ranks and is repeated over another communicator: as if it had not failed.
    @Test(arguments: compressions)
    func aFailedStepLeavesTheResidualsForItsRepetition(compression: GradientCompression) throws {
        @Sendable func run(failing: InMemoryNetwork?) throws -> [[Float]] {
            let (first, second) = (InMemoryNetwork(size: 3), InMemoryNetwork(size: 3))
            return try first.run { link in
                let compressor = compression.makeCompressor(layout: layout(count: 1000), seed: 1)
                func sum(step: Int, _ communicator: Communicator) throws -> [Float] {
                    var values = randomGradient(seed: 35, rank: link.rank, step: step, count: 1000)
                    try values.withUnsafeMutableBufferPointer { try compressor.allReduceSum($0, over: communicator) }
                    return values
                }
                _ = try sum(step: 0, Communicator(link: link))
                if let failing {
                    let communicator = Communicator(link: failing.link(rank: link.rank))
                    #expect(throws: CollectiveError.self) { try sum(step: 1, communicator) }
                }
                return try sum(step: 1, Communicator(link: second.link(rank: link.rank)))
            }.map { try $0.get() }
        }
        let undisturbed = try run(failing: nil)
        // Numbers of messages with which no rank can be through: in the first collective and, of two, in the second.
        let points =
            switch compression {
            case .int8: [1, 2, 7, 8]
            case .powerSGD: [1, 2, 5, 6]
            default: [1, 2]
            }
        for messages in points {
            let repeated = try run(failing: InMemoryNetwork(size: 3, abortAfterMessages: messages))
            #expect(repeated == undisturbed, "after \(messages) messages")
        }
    }

    @Test func anotherNumberOfElementsIsRefused() throws {
        for compression in compressions {
            let outcome = InMemoryNetwork(size: 1).run { link in
                let compressor = compression.makeCompressor(layout: layout(count: 10), seed: 1)
                var values = [Float](repeating: 1, count: 11)
                try values.withUnsafeMutableBufferPointer {
                    try compressor.allReduceSum($0, over: Communicator(link: link))
                }
            }[0]
            guard case .failure(let error) = outcome, case .invalidArgument? = (error as? CollectiveError)?.cause
            else {
                Issue.record("\(compression): \(outcome)")
                continue
            }
        }
    }

    @Test func aPeersIndexOutsideTheGradientIsAnError() throws {
        for index in [Int32(10), -1, .max] {
            let outcome = InMemoryNetwork(size: 2).run { link in
                let communicator = Communicator(link: link)
                if link.rank == 1 {
                    // What a rank sends that keeps one of ten elements, but for the index.
                    var lists: [Int32] = [0, 0, index, 0]
                    let own = [index, 0]
                    try own.withUnsafeBufferPointer { own in
                        try lists.withUnsafeMutableBufferPointer {
                            try communicator.allGather(own, counts: [2, 2], into: $0)
                        }
                    }
                    return
                }
                var values = [Float](repeating: 1, count: 10)
                try values.withUnsafeMutableBufferPointer {
                    try TopK(count: 10, fraction: 0.1).allReduceSum($0, over: communicator)
                }
            }[0]
            guard case .failure(let error) = outcome, case .transport? = (error as? CollectiveError)?.cause else {
                Issue.record("\(index): \(outcome)")
                continue
            }
        }
    }
}
