import Checkpoints
import Testing
import Training

/// Saving beside training, as the training loop does it.
@Suite struct CheckpointWriterTests {
    static func run(steps: Int, _ system: WatchedFileSystem, in scratch: Scratch) throws -> TestRun {
        var run = TestRun(try tinyRun(steps: steps) { $0.checkpoint.everySteps = 1 })
        run.checkpoints = { _ in
            CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run", fileSystem: system), keep: 0)
        }
        return run
    }

    @Test func trainingGoesOnWhileACheckpointIsWritten() throws {
        let scratch = try Scratch()
        let system = WatchedFileSystem(holdsFirst: true)
        var run = try Self.run(steps: 2, system, in: scratch)
        run.onPhase = { _, phase, step in
            // Step 1's save is held until step 2 has been computed.
            guard phase == .update, step == 2 else { return }
            #expect(system.completed == 0)
            system.release()
        }
        _ = try run.reports(on: 1)
        #expect(try scratch.steps(in: "run") == [1, 2])
    }

    @Test func neverTwoCheckpointsAreWrittenAtOnce() throws {
        let scratch = try Scratch()
        let system = WatchedFileSystem()
        var run = try Self.run(steps: 12, system, in: scratch)
        run.onPhase = { _, phase, step in
            // Whatever `save` is about to do, the one before may still be in work; none before that may be.
            if phase == .save { #expect(system.completed >= step - 2) }
        }
        _ = try run.reports(on: 1)
        #expect(system.saves == 12)
        #expect(system.mostAtOnce == 1)
    }

    @Test func theRunEndsOnlyWhenTheLastCheckpointIsOnDisk() throws {
        let scratch = try Scratch()
        let system = WatchedFileSystem()
        var run = try Self.run(steps: 3, system, in: scratch)
        #expect(try run.reports(on: 1)[0].hasFinished)
        #expect(system.completed == 3)
        run.wish = { _, step in step == 2 ? .regroup : nil }
        _ = try run.reports(on: 1)
        #expect(system.completed == system.saves)
    }

    @Test(arguments: [1, 3, 4])
    func aFailedSaveEndsTheRunAtTheNextOneAtTheLatest(failing: Int) throws {
        let scratch = try Scratch()
        let system = WatchedFileSystem(failingSave: failing)
        let run = try Self.run(steps: 4, system, in: scratch)
        let error = try #require(throws: CheckpointError.self) { try run.reports(on: 1) }
        #expect(error.cause.contains("injected"))
        #expect(system.saves == failing)
        #expect(try scratch.steps(in: "run") == Array(1..<failing))
    }
}
