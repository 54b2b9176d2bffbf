import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct CollectiveErrorTests {
    /// A bit of everything, long enough that an abort falls into any of the algorithms.
    @Sendable private static func work(_ link: any Link) throws -> [Int64] {
        let communicator = Communicator(link: link, limits: ringOnly)
        let counts = (0..<communicator.size).map { $0 * 100 }
        var values = (0..<counts.reduce(10, +)).map { Int64(sample(communicator.rank, $0)) }
        try values.withUnsafeMutableBufferPointer { buffer in
            let parts = UnsafeMutableBufferPointer(rebasing: buffer[10...])
            try communicator.allReduce(buffer, .sum)
            try communicator.allReduce(UnsafeMutableBufferPointer(rebasing: buffer[..<4]), .max)
            try communicator.broadcast(buffer, root: communicator.size - 1)
            try communicator.reduceScatter(parts, counts: counts, .max)
            let start = counts[..<communicator.rank].reduce(0, +)
            try communicator.allGather(
                UnsafeBufferPointer(rebasing: parts[start..<start + counts[communicator.rank]]), counts: counts,
                into: parts)
            try communicator.barrier()
        }
        return values
    }

    @Test(arguments: [2, 3, 5, 8])
    func anAbortAtAnyPointEndsAllRanksAndAFreshGenerationWorks(ranks: Int) throws {
        let undisturbed = try InMemoryNetwork(size: ranks).run(Self.work).map { try $0.get() }
        for seed in UInt64(0)..<40 {
            var random = Philox(seed: seed, path: [UInt64(ranks)])
            let messages = 1 + random.below(ranks * 60)
            let network = InMemoryNetwork(size: ranks, abortAfterMessages: messages)
            for result in network.run(Self.work) {
                // A rank may be through before the abort; no other outcome is allowed.
                guard case .failure(let error) = result else { continue }
                let cause = try #require(error as? CollectiveError, "seed \(seed)").cause
                switch cause {
                case .aborted, .peerLost: break
                default: Issue.record("seed \(seed): \(error)")
                }
            }
            let again = try InMemoryNetwork(size: ranks).run(Self.work).map { try $0.get() }
            #expect(again == undisturbed, "seed \(seed)")
        }
    }

    @Test func anErrorSaysWhereItHappened() throws {
        let network = InMemoryNetwork(size: 3, abortAfterMessages: 1)
        let errors = network.run { link -> String in
            let communicator = Communicator(link: link)
            do {
                try communicator.barrier()
            } catch {
                return "\(error)"
            }
            return ""
        }
        let texts = try errors.map { try $0.get() }
        #expect(
            texts.contains { $0.hasPrefix("barrier, step 1 of 2, on rank ") && $0.contains("aborted: after a set") },
            "\(texts)")
        #expect(texts.allSatisfy { !$0.contains("\n") })
    }

    @Test func ranksThatCallWithDifferentSizesAreTold() throws {
        for limits in [CollectiveLimits(), ringOnly] {
            let outcomes = InMemoryNetwork(size: 2).run { link in
                var values = [Float](repeating: 1, count: link.rank == 0 ? 100 : 101)
                let communicator = Communicator(link: link, limits: limits)
                try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
            }
            let causes = outcomes.compactMap { outcome -> CollectiveError.Cause? in
                guard case .failure(let error) = outcome else { return nil }
                return (error as? CollectiveError)?.cause
            }
            #expect(causes.count == 2)
            #expect(
                causes.contains { cause in
                    if case .sizeMismatch = cause { true } else { false }
                }, "\(causes)")
        }
    }

    @Test func argumentsThatDoNotFitAreRefused() throws {
        let refusals = try withRanks(1) { communicator in
            try Array([[1, 2], [], [-1], [3]]).map { counts in
                let fresh = Communicator(link: communicator.link)
                var values = [Float](repeating: 0, count: 2)
                do {
                    try values.withUnsafeMutableBufferPointer {
                        try fresh.reduceScatter($0, counts: counts, .sum)
                    }
                    return ""
                } catch let error as CollectiveError {
                    guard case .invalidArgument = error.cause else { throw error }
                    return error.description
                }
            }
        }
        #expect(refusals[0].allSatisfy { $0.contains("invalid argument: counts") }, "\(refusals)")
    }

    @Test func afterAnErrorTheCommunicatorRefusesFurtherWork() throws {
        let network = InMemoryNetwork(size: 2)
        network.abort("stop")
        let causes = network.run { link -> [CollectiveError.Cause] in
            let communicator = Communicator(link: link)
            return (0..<2).compactMap { _ in
                do {
                    try communicator.barrier()
                    return nil
                } catch {
                    return (error as? CollectiveError)?.cause
                }
            }
        }
        for outcome in causes {
            let causes = try outcome.get()
            #expect(causes.count == 2)
            #expect(causes.first == .aborted(reason: "stop"))
            guard case .unusable(let earlier)? = causes.last else {
                Issue.record("\(causes)")
                continue
            }
            #expect(earlier.contains("aborted: stop"))
        }
    }

    @Test func oneRankAloneSendsNothing() throws {
        let network = InMemoryNetwork(size: 1, abortAfterMessages: 1)
        let values = try network.run { link in
            var values: [Double] = [1, 2]
            let communicator = Communicator(link: link)
            try values.withUnsafeMutableBufferPointer { buffer in
                try communicator.allReduce(buffer, .sum)
                try communicator.broadcast(buffer, root: 0)
                try communicator.reduceScatter(buffer, counts: [2], .sum)
                try communicator.allGather(UnsafeBufferPointer(buffer), counts: [2], into: buffer)
            }
            try communicator.barrier()
            return values
        }[0].get()
        #expect(values == [1, 2])
    }
}
