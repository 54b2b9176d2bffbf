import Foundation
import Testing

@Suite("The loss curve", .enabled(if: FashionMNIST.isInstalled, "Fashion-MNIST is not installed"), .serialized)
struct LossCurveTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test(arguments: ["sync", "slice"])
    func isTheSameOnOneTwoThreeAndFourWorkers(batchNorm: String) throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(batchNorm: batchNorm))
        var reference: [Double] = []
        for workers in 1...4 {
            let ending = try scratch.run(
                ["train", configuration, "--workers", "\(workers)", "--out", scratch.path("w\(workers)")])
            try #require(ending.code == 0, "\(ending)")
            let losses = try scratch.losses(of: "w\(workers)")
            #expect(losses.count == 20)
            if workers == 1 { reference = losses }
            #expect(largestDifference(reference, losses) <= 1e-4, "\(workers) workers: \(losses)")
        }
        #expect(Set(reference).count == 20, "a curve that does not move would agree with anything")
    }

    @Test(arguments: [(first: 2, second: 2), (first: 2, second: 3), (first: 3, second: 1)])
    func isTheSameAcrossAKillOfEverythingAndAResume(workers: (first: Int, second: Int)) throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration())
        let undisturbed = try scratch.run(["train", configuration, "--workers", "1", "--out", scratch.path("whole")])
        try #require(undisturbed.code == 0, "\(undisturbed)")

        let arguments = ["train", configuration, "--out", scratch.path("killed"), "--workers"]
        let process = try scratch.start(arguments + ["\(workers.first)"])
        try process.waitUntil("step 12") { try scratch.log(of: "killed").count >= 12 || !process.isRunning }
        process.killTree()
        let resumed = try scratch.run(arguments + ["\(workers.second)", "--resume"])
        try #require(resumed.code == 0, "\(resumed)")
        #expect(resumed.error.contains("resuming after step"), "\(resumed)")
        let difference = try largestDifference(scratch.losses(of: "whole"), scratch.losses(of: "killed"))
        #expect(difference <= 1e-4)
    }

    @Test func isTheSameWhenAWorkerLeavesAndAnotherComes() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(steps: 60))
        let undisturbed = try scratch.run(["train", configuration, "--workers", "1", "--out", scratch.path("whole")])
        try #require(undisturbed.code == 0, "\(undisturbed)")

        let coordinator = try scratch.start(
            ["coordinator", configuration, "--workers", "2", "--out", scratch.path("changing")])
        let ticket = scratch.path("changing") + "/ticket"
        try coordinator.waitUntil("the ticket") {
            FileManager.default.fileExists(atPath: ticket) || !coordinator.isRunning
        }
        let join = ["worker", "--join", ticket]
        let first = try scratch.start(join)
        let second = try scratch.start(join)
        try coordinator.waitUntil("step 5") { try scratch.log(of: "changing").count >= 5 || !coordinator.isRunning }
        let third = try scratch.start(join + ["--io-threads", "2"])
        try coordinator.waitUntil("a step with 3 workers") {
            try scratch.log(of: "changing").contains { $0["workers"] as? Int == 3 } || !coordinator.isRunning
        }
        second.send(SIGTERM)
        #expect(try second.ending().code == 0)
        let ended = try coordinator.ending()
        try #require(ended.code == 0, "\(ended)")
        #expect(try first.ending().code == 0)
        #expect(try third.ending().code == 0)
        let workers = try Set(scratch.log(of: "changing").compactMap { $0["workers"] as? Int })
        #expect(workers.isSuperset(of: [2, 3]))
        let difference = try largestDifference(scratch.losses(of: "whole"), scratch.losses(of: "changing"))
        #expect(difference <= 1e-4)
    }
}
