import ClusterTestKit
import Collectives
import Configuration
import Randomness
import Testing
import Training

/// What goes wrong on either way of a generation ends both, with its own cause, and hangs nobody.
@Suite struct OverlapFailureTests {
    /// Every collective takes several messages, so that faults can be put anywhere within.
    static func run(_ batchNorm: RunConfiguration.BatchNorm) throws -> TestRun {
        var run = try OverlapTests.run(batchNorm, steps: 2)
        run.limits = ringOnly
        return run
    }

    /// Trainers that outlive a generation. `@unchecked Sendable`: each belongs to its rank's thread.
    final class Trainers: @unchecked Sendable {
        let all: [Trainer]

        init(_ run: TestRun, _ ranks: Int) throws { all = try (0..<ranks).map { try run.trainer(rank: $0) } }
    }

    @Test(arguments: RunConfiguration.BatchNorm.allCases, [2, 3])
    func anAbortAnywhereEndsAllRanksAndTheNextGenerationGoesOn(
        batchNorm: RunConfiguration.BatchNorm, ranks: Int
    ) throws {
        let run = try Self.run(batchNorm)
        let undisturbed = try run.reports(on: ranks)[0]
        var random = Philox(seed: 5, path: [UInt64(ranks)])
        for attempt in 0..<12 {
            let messages = 1 + Int(random.uniformDouble() * 600)
            let lanes =
                attempt % 2 == 0
                ? Lanes(size: ranks, gradientsEndAfter: messages) : Lanes(size: ranks, mainEndsAfter: messages)
            let trainers = try Trainers(run, ranks)
            for result in lanes.run(
                limits: run.limits,
                { communicator, exchange, _ in
                    try run.generation(trainers.all[communicator.rank], communicator, exchange: exchange)
                })
            {
                // A rank may have been through when it came.
                if case .failure(let error) = result {
                    guard case .aborted? = (error as? CollectiveError)?.cause else {
                        Issue.record("\(messages) messages: \(error)")
                        continue
                    }
                }
            }
            // One that is ahead is the source, as the coordinator would choose it.
            let source = trainers.all.indices.max { a, b in
                trainers.all[a].state.completedSteps < trainers.all[b].state.completedSteps
            }
            for result in Lanes(size: ranks).run(
                limits: run.limits,
                { communicator, exchange, _ in
                    try run.generation(
                        trainers.all[communicator.rank], communicator, exchange: exchange, source: source ?? 0)
                })
            {
                expectSameBits(try result.get().state, undisturbed.state, "after \(messages) messages")
            }
        }
    }

    struct NoLane: Error {}

    /// Sums that outlive what goes wrong with them. `@unchecked Sendable`: nobody reads them.
    final class Sums: @unchecked Sendable {
        let memory: UnsafeMutableBufferPointer<Double>

        init(_ count: Int) {
            memory = .allocate(capacity: count)
            memory.initialize(repeating: 1)
        }

        deinit { memory.deallocate() }
    }

    @Test func aLaneThatCannotBeOpenedIsToldAsItself() throws {
        let run = try OverlapTests.run(.sync)
        let lanes = Lanes(size: 3)
        let open: @Sendable (Int) throws -> Void = { rank in if rank == 1 { throw NoLane() } }
        let results = lanes.run(open: open) { communicator, exchange, _ in
            try run.generation(run.trainer(rank: communicator.rank), communicator, exchange: exchange)
        }
        for (rank, result) in results.enumerated() {
            let error = try #require(throws: (any Error).self) { try result.get() }
            // The others are told to stop.
            if rank == 1 { #expect(error is NoLane) } else { #expect(error is CollectiveError) }
        }
    }

    /// Buckets of different sizes, while both training threads wait for a message that nobody sends.
    @Test func aFailureOfTheLaneWakesTheTrainingThreadWithItsCauseAndPlace() throws {
        let sums = [Sums(8), Sums(16)]
        let results = Lanes(size: 2).run { communicator, exchange, _ in
            try exchange.submit(.exact(sums[communicator.rank].memory, asFloat32: true))
            try communicator.link.receive(from: 1 - communicator.rank) { _ in }
        }
        let errors = try results.map { result in try #require(throws: CollectiveError.self) { try result.get() } }
        // A rank either sees the wrong size, or that the other has given up for it, or is told.
        let causes = errors.filter { if case .aborted = $0.cause { false } else { true } }
        #expect(!causes.isEmpty, "\(errors)")
        for cause in causes {
            #expect(cause.description.hasPrefix("all-reduce of gradient bucket 0, step"), "\(cause)")
        }
    }

    @Test func anErrorOfTheTrainingThreadEndsALaneThatIsBusy() throws {
        let sums = Sums(8)
        let results = Lanes(size: 2).run { communicator, exchange, _ in
            // Rank 1 never gives its bucket.
            if communicator.rank == 1 { throw NoLane() }
            try exchange.submit(.exact(sums.memory, asFloat32: true))
            _ = try exchange.finish { _ in }
        }
        #expect(throws: CollectiveError.self) { try results[0].get() }
        #expect(throws: NoLane.self) { try results[1].get() }
    }
}
