import Checkpoints
import Configuration
import Testing
import Training

/// After which steps a run saves: five steps, two of them an epoch.
@Suite struct CheckpointCadenceTests {
    /// The run's checkpoints, all kept.
    static func saved(
        everySteps: Int, everyEpochs: Int, ranks: Int = 1,
        wish: @escaping @Sendable (Int, Int) -> YieldReason? = { _, _ in nil }
    ) throws -> [Int] {
        let scratch = try Scratch()
        var run = TestRun(
            try tinyRun(steps: 5) {
                $0.checkpoint.everySteps = everySteps
                $0.checkpoint.everyEpochs = everyEpochs
            })
        run.dataset = { _ in SyntheticImages(count: 17) }
        run.checkpoints = { CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/\($0)"), keep: 0) }
        run.wish = wish
        _ = try run.reports(on: ranks)
        for rank in 1..<max(ranks, 2) { #expect(try scratch.steps(in: "\(rank)") == [], "only rank 0 saves") }
        return try scratch.steps(in: "0")
    }

    @Test func theLastStepIsSavedWhateverTheCadence() throws {
        #expect(try Self.saved(everySteps: 0, everyEpochs: 0) == [5])
        #expect(try Self.saved(everySteps: 7, everyEpochs: 9) == [5])
    }

    @Test func savesComeBySteps() throws {
        #expect(try Self.saved(everySteps: 3, everyEpochs: 0, ranks: 2) == [3, 5])
        #expect(try Self.saved(everySteps: 1, everyEpochs: 0) == [1, 2, 3, 4, 5])
    }

    @Test func savesComeByEpochs() throws {
        #expect(try Self.saved(everySteps: 0, everyEpochs: 1) == [2, 4, 5])
        #expect(try Self.saved(everySteps: 0, everyEpochs: 2) == [4, 5])
    }

    @Test func stepsAndEpochsBothCount() throws {
        #expect(try Self.saved(everySteps: 3, everyEpochs: 2) == [3, 4, 5])
    }

    @Test func aRunThatIsStoppedSavesWhereItStands() throws {
        #expect(try Self.saved(everySteps: 2, everyEpochs: 0, ranks: 2) { $0 == 1 && $1 == 3 ? .stop : nil } == [2, 3])
    }

    @Test func aRegroupSavesNothingThatIsNotDue() throws {
        #expect(try Self.saved(everySteps: 2, everyEpochs: 0) { $1 == 3 ? .regroup : nil } == [2])
    }

    @Test func aCheckpointDueAtTheStepOfARegroupIsSaved() throws {
        #expect(try Self.saved(everySteps: 2, everyEpochs: 0) { $1 == 2 ? .regroup : nil } == [2])
        #expect(try Self.saved(everySteps: 0, everyEpochs: 1) { $1 == 4 ? .regroup : nil } == [2, 4])
    }

    @Test func aStepIsSavedOnceThoughItIsDueAndTheLast() throws {
        let scratch = try Scratch()
        let system = WatchedFileSystem()
        var run = TestRun(
            try tinyRun(steps: 4) {
                $0.checkpoint.everySteps = 2
                $0.checkpoint.everyEpochs = 1
            })
        run.dataset = { _ in SyntheticImages(count: 16) }
        run.checkpoints = { _ in
            CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run", fileSystem: system), keep: 0)
        }
        _ = try run.reports(on: 1)
        #expect(system.saves == 2)
        #expect(system.mostAtOnce == 1)
    }

    @Test func aCheckpointTellsTheRunAndHowToBuildItsEncoder() throws {
        let scratch = try Scratch()
        var run = TestRun(try tinyRun(steps: 3))
        run.dataset = { _ in SyntheticImages(count: 16) }
        run.checkpoints = { _ in CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run"), keep: 1) }
        _ = try run.reports(on: 1)
        let contents = try scratch.newest(in: "run")
        #expect(contents.step == 3 && contents.epoch == 1 && contents.runID == "test")
        #expect(run.configuration.differences(fromTrajectory: contents.configuration) == [])
        let text = try #require(contents.metadata[CheckpointMetadata.resolvedConfiguration])
        #expect(try RunConfiguration.read(yaml: text) == run.configuration)
    }
}
