import Foundation
import Testing

@Suite("How a run ends", .enabled(if: FashionMNIST.isInstalled, "Fashion-MNIST is not installed"), .serialized)
struct EndingTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Starts a long run and waits until it is well under way.
    private func longRun(workers: Int) throws -> MurmurProcess {
        let configuration = try scratch.file("run.yaml", smallConfiguration(steps: 1000))
        let process = try scratch.start(
            ["train", configuration, "--workers", "\(workers)", "--out", scratch.path("run")])
        try process.waitUntil("step 7") { try scratch.log(of: "run").count >= 7 || !process.isRunning }
        return process
    }

    @Test func aKilledWorkerEndsItWithItsNameAndPlace() throws {
        let process = try longRun(workers: 3)
        let workers = process.children
        try #require(workers.count == 3)
        kill(workers[1], SIGKILL)
        let ending = try process.ending(within: 60)
        #expect(ending.code == 6, "\(ending)")
        #expect(ending.error.contains("pid \(workers[1])"), "\(ending)")
        #expect(ending.error.contains("step "), "\(ending)")
        #expect(ending.error.contains("killed by signal 9"), "\(ending)")
        #expect(workers.allSatisfy { !MurmurProcess.exists($0) })
    }

    @Test func aStoppedWorkerEndsItToo() throws {
        let process = try longRun(workers: 2)
        let workers = process.children
        try #require(workers.count == 2)
        kill(workers[0], SIGSTOP)
        let ending = try process.ending(within: 60)
        #expect(ending.code == 6, "\(ending)")
        #expect(ending.error.contains("pid \(workers[0])"), "\(ending)")
        #expect(ending.error.contains("silent"), "\(ending)")
        #expect(workers.allSatisfy { !MurmurProcess.exists($0) })
    }

    @Test func theWorkersEndWithACoordinatorThatIsKilled() throws {
        let process = try longRun(workers: 2)
        let workers = process.children
        kill(process.pid, SIGKILL)
        try process.waitUntil("the workers' end", within: 60) { workers.allSatisfy { !MurmurProcess.exists($0) } }
        #expect(process.error.contains("coordinator"), "\(process.error)")
    }

    @Test func anInterruptSavesAndTheRunCanGoOn() throws {
        let process = try longRun(workers: 2)
        process.send(SIGINT)
        let ending = try process.ending(within: 60)
        #expect(ending.code == 130, "\(ending)")
        let done = try scratch.losses(of: "run").count
        let saved = try FileManager.default.contentsOfDirectory(atPath: scratch.path("run") + "/checkpoints").sorted()
        #expect(saved.last?.hasSuffix("\(done)") == true, "\(done) steps done, saved \(saved)")

        let configuration = scratch.path("run.yaml")
        let again = try scratch.start(
            ["train", configuration, "--workers", "1", "--out", scratch.path("run"), "--resume"])
        try again.waitUntil("the next step") { try scratch.losses(of: "run").count > done || !again.isRunning }
        again.send(SIGTERM)
        #expect(try again.ending(within: 60).code == 130)
    }
}
