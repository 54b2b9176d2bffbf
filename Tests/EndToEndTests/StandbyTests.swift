import Foundation
import Testing

@Suite("Standing by", .serialized)
struct StandbyTests {
    let scratch: Scratch
    let images: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
    }

    @Test func moreWorkersThanSlicesTrainAlikeAndOneStandsBy() throws {
        let slices = ["slice_size=16"]
        try scratch.train("one", data: images, steps: 8, workers: 1, slices)
        let ending = try scratch.train("three", data: images, steps: 8, workers: 3, slices)
        let lines = ending.error.split(separator: "\n").filter { $0.contains("stands by") }
        #expect(lines.count == 1 && lines.allSatisfy { $0.contains("2 ranks") }, "\(ending)")
        #expect(try scratch.log(of: "three").allSatisfy { $0["workers"] as? Int == 2 })
        #expect(try largestDifference(scratch.losses(of: "one"), scratch.losses(of: "three")) <= 1e-4)
    }

    @Test func whoStoodByStepsInForOneThatLeaves() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 250))
        let arguments = ["coordinator", configuration, "slice_size=16", "--workers", "2", "--out", scratch.path("run")]
        let coordinator = try scratch.start(arguments)
        let join = ["worker", "--join", try scratch.ticket(of: coordinator, run: "run")]
        let leaver = try scratch.start(join)
        let stayer = try scratch.start(join)
        try coordinator.waitUntil("step 2") { try scratch.log(of: "run").count >= 2 || !coordinator.isRunning }
        let reserve = try scratch.start(join)
        try coordinator.waitUntil("the third worker") {
            coordinator.error.contains("stands by") || !coordinator.isRunning
        }
        try #require(coordinator.isRunning, "\(coordinator.error)")
        leaver.send(SIGTERM)
        #expect(try leaver.ending().code == 0)
        let ending = try coordinator.ending()
        #expect(ending.code == 0, "\(ending)")
        #expect(ending.error.contains("generation 2 starts with 2 ranks"), "\(ending)")
        #expect(try stayer.ending().code == 0)
        #expect(try reserve.ending().code == 0)
        #expect(try scratch.log(of: "run").last?["workers"] as? Int == 2)

        try scratch.train("one", data: images, steps: 250, workers: 1, ["slice_size=16"])
        #expect(try largestDifference(scratch.losses(of: "one"), scratch.losses(of: "run")) <= 1e-4)
    }
}
