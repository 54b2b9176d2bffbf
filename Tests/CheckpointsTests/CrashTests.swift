import Checkpoints
import Foundation
import Randomness
import Testing

/// What is on disk before the save that is disturbed.
struct Situation: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let steps: [Int]
    let newStep: Int
    let keep: Int

    static let all = [
        Situation(testDescription: "the first save", steps: [], newStep: 1, keep: 1),
        Situation(testDescription: "keeping one", steps: [1], newStep: 2, keep: 1),
        Situation(testDescription: "keeping two of four", steps: [1, 2, 3], newStep: 4, keep: 2),
        Situation(testDescription: "the same step again", steps: [1, 2], newStep: 2, keep: 2),
    ]
}

@Suite("Saving when things go wrong")
struct CrashTests {
    /// One disturbed save in a directory of its own, and what it left.
    private struct Trial {
        let scratch: Scratch
        let directory: String
        let fileSystem: FaultyFileSystem
        let old: CheckpointContents?
        let new: CheckpointContents
        var error: (any Error)?

        init(_ situation: Situation, _ fault: FaultyFileSystem.Fault) throws {
            scratch = try Scratch()
            directory = "\(scratch.path)/checkpoints"
            let graveyard = "\(scratch.path)/graveyard"
            let calm = CheckpointStore(
                directory: directory, fileSystem: try FaultyFileSystem(.none, graveyard: graveyard + "-before"))
            for step in situation.steps { try calm.save(.sample(step: step, seed: 1), keep: 0) }
            old = situation.steps.last.map { .sample(step: $0, seed: 1) }
            new = .sample(step: situation.newStep, seed: 2)
            fileSystem = try FaultyFileSystem(fault, graveyard: graveyard)
            do {
                let store = CheckpointStore(directory: directory, fileSystem: fileSystem)
                try store.save(new, keep: situation.keep)
            } catch {
                self.error = error
            }
        }

        /// What a reader finds now.
        func found() throws -> CheckpointContents? {
            try CheckpointStore(directory: directory).latest().location.map { try CheckpointStore.load($0) }
        }

        func names() throws -> [String] {
            let exists = FileManager.default.fileExists(atPath: directory)
            return exists ? try FileManager.default.contentsOfDirectory(atPath: directory) : []
        }
    }

    @Test("A crash and a power cut at any operation leave the old or the new checkpoint", arguments: Situation.all)
    func crashAnywhere(situation: Situation) throws {
        for seed in 0..<4 as Range<UInt64> {
            var random = Philox(key: seed, stream: 2)
            var operation = 0
            var completed = false
            while !completed {
                operation += 1
                let trial = try Trial(situation, .crashes(at: operation))
                let saved = trial.error == nil
                completed = !trial.fileSystem.hasFailed
                if seed > 0 { try trial.fileSystem.losePower(&random) }
                let place = "operation \(operation), seed \(seed)"
                let found = try trial.found()
                #expect(found == trial.new || (!saved && found == trial.old), "\(place)")

                let next = CheckpointContents.sample(step: 9, seed: 3)
                let store = CheckpointStore(
                    directory: trial.directory,
                    fileSystem: try FaultyFileSystem(.none, graveyard: trial.scratch.path + "/after"))
                #expect(try store.save(next, keep: 2).warnings.isEmpty, "\(place)")
                #expect(try trial.found() == next, "\(place)")
                let names = try trial.names()
                #expect(names.count == (found == nil ? 1 : 2), "\(place): \(names)")
            }
            #expect(operation > 20)
        }
    }

    @Test("A failure at any operation is reported, cleaned up, and costs no checkpoint", arguments: Situation.all)
    func failureAnywhere(situation: Situation) throws {
        var operation = 0
        var completed = false
        while !completed {
            operation += 1
            let trial = try Trial(situation, .fails(at: operation))
            completed = !trial.fileSystem.hasFailed
            let found = try trial.found()
            if let error = trial.error {
                let error = try #require(error as? CheckpointError, "operation \(operation)")
                #expect(error.path.hasPrefix(trial.scratch.path))
                #expect(error.cause.contains("the disk is full"))
                #expect(found == trial.old || found == trial.new, "operation \(operation)")
                #expect(try trial.names().allSatisfy { !$0.hasPrefix(".") }, "operation \(operation)")
            } else {
                #expect(found == trial.new, "operation \(operation)")
            }
        }
        #expect(operation > 20)
    }
}
