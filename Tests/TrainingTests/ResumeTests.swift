import Checkpoints
import Configuration
import Testing
import Training

/// A run in two parts is the run in one.
@Suite struct ResumeTests {
    static func configuration(
        _ optimizer: (RunConfiguration.Optimizer.Name, Double), _ batchNorm: RunConfiguration.BatchNorm
    ) throws -> RunConfiguration {
        // Two and a bit epochs of 20 images in batches of 9: five slices.
        try tinyRun(steps: 6, batch: 9, slice: 2) {
            $0.optimizer.name = optimizer.0
            $0.optimizer.learningRate = optimizer.1
            $0.batchNorm = batchNorm
            $0.schedule.warmupSteps = 4
        }
    }

    /// Each optimiser, with another pair of world sizes before and after.
    @Test(arguments: zip(optimizerSettings, [(2, 5), (3, 1), (1, 4)]))
    func threeStepsAndThreeOnOtherRanksAreSix(
        optimizer: (RunConfiguration.Optimizer.Name, Double), ranks: (Int, Int)
    ) throws {
        for batchNorm in RunConfiguration.BatchNorm.allCases {
            let scratch = try Scratch()
            var run = TestRun(try Self.configuration(optimizer, batchNorm))
            run.dataset = { _ in SyntheticImages(count: 20) }
            let straight = try run.reports(on: 2)[0]

            var first = run
            first.checkpoints = { _ in
                CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run"), keep: 1)
            }
            first.wish = { rank, step in rank == 0 && step == 3 ? .stop : nil }
            let before = try first.reports(on: ranks.0)
            run.resumed = try scratch.newest(in: "run")
            let after = try run.reports(on: ranks.1)

            #expect(relativeError(before[0].losses + after[0].losses, straight.losses) <= 1e-12)
            #expect(after[0].records.map(\.step) == [4, 5, 6])
            #expect(after[0].records.map(\.learningRate) == straight.records.dropFirst(3).map(\.learningRate))
            for report in after {
                let largest = largestDifference(report.state, straight.state)
                #expect(largest.error <= 1e-6, "\(optimizer.0), \(batchNorm): \(largest)")
            }
        }
    }

    /// A regroup within one process: the same trainers, joined by another, with the state of rank 1.
    @Test func aGenerationTakesOverFromTheOneBefore() throws {
        let both = TestRun(try Self.configuration(optimizerSettings[1], .sync))
        let straight = try both.reports(on: 1)[0]
        var leaving = both
        leaving.wish = { rank, step in rank == 1 && step == 3 ? .regroup : nil }
        let results = onRanks(2) { [leaving] communicator in
            let trainer = try both.trainer(rank: communicator.rank)
            let first = try leaving.generation(trainer, communicator)
            #expect(first.completedSteps == 3)
            // Rank 0 comes back empty, as a new worker would.
            let next = communicator.rank == 0 ? try both.trainer(rank: 0) : trainer
            return try (first, both.generation(next, communicator, source: 1))
        }
        let (first, second) = try results[0].get()
        #expect(relativeError(first.losses + second.losses, straight.losses) <= 1e-12)
        #expect(largestDifference(second.state, straight.state).error <= 1e-6)
    }

    @Test func aFinishedRunResumedHasNothingToDo() throws {
        let scratch = try Scratch()
        var run = TestRun(try tinyRun(steps: 2))
        run.checkpoints = { _ in CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run"), keep: 1) }
        let done = try run.reports(on: 1)[0]
        run.resumed = try scratch.newest(in: "run")
        for report in try run.reports(on: 2) {
            #expect(report.hasFinished && report.records.isEmpty)
            expectSameBits(report.state, done.state)
        }
    }
}
