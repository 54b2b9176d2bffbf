import Configuration
import Foundation
import Testing

/// Every method over real processes: not a bit of weights and losses tells how many there were.
@Suite("Methods over processes", .serialized)
struct MethodProcessesTests {
    let scratch: Scratch
    let images: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
    }

    /// Parts so small that a step takes a moment; keys that a method has no use for change nothing.
    private static let parts = """
        reproducible: true
        predictor.hidden: 16
        queue: {size: 37, start_epoch: 0}
        prototypes: {count: 5, heads: 2, frozen_epochs: 0}
        loss.temperature: 0.2
        """

    @Test(arguments: RunConfiguration.Method.allCases)
    func oneTwoThreeAndFourWorkersTakeTheSameSteps(method: RunConfiguration.Method) throws {
        let local = method.takesLocalViews ? ["augment.local_views=2", "augment.local_size=8"] : []
        var reference: (hash: String, losses: [Double])?
        for workers in 1...4 {
            let run = "w\(workers)"
            try scratch.train(
                run, data: images, steps: 3, workers: workers, extra: Self.parts,
                ["method=\(method.rawValue)", "checkpoint.every_steps=3"] + local)
            let hash = try scratch.run(["hash", scratch.path(run)])
            try #require(hash.code == 0, "\(hash)")
            let found = (hash: hash.output, losses: try scratch.losses(of: run))
            #expect(found.losses.count == 3 && found.losses.allSatisfy(\.isFinite))
            if let reference {
                #expect(found.hash == reference.hash, "\(method.rawValue), \(workers) workers")
                #expect(found.losses == reference.losses, "\(method.rawValue), \(workers) workers")
            } else {
                reference = found
            }
        }
    }

    /// A method's run goes on where it was stopped, on other workers: the target, queue and bank come from the checkpoint.
    @Test(arguments: [RunConfiguration.Method.mocov2, .swav, .deepclusterv2, .byol])
    func aRunIsResumedOnOtherWorkers(method: RunConfiguration.Method) throws {
        let more = [
            "method=\(method.rawValue)", "schedule.name=constant", "checkpoint.every_steps=3", "target.momentum=0.9",
            "target.final_momentum=0.9",
        ]
        try scratch.train("whole", data: images, steps: 6, workers: 1, extra: Self.parts, more)
        try scratch.train("parts", data: images, steps: 3, workers: 3, extra: Self.parts, more)
        try scratch.train("parts", data: images, steps: 6, workers: 2, extra: Self.parts, more + ["--resume"])
        let hashes = try ["whole", "parts"].map { try scratch.run(["hash", scratch.path($0)]) }
        #expect(hashes[0].code == 0 && hashes[0].output == hashes[1].output, "\(hashes)")
        #expect(try scratch.losses(of: "whole") == scratch.losses(of: "parts"))
    }
}
