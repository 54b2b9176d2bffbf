import Foundation
import Testing

@Suite("murmur plan and bench loss", .serialized)
struct PlanTests {
    struct Plan: Decodable {
        let memoryBytes, stepSeconds, imagesPerSecond: Double
        let memory, time: [String: Double]
        let fits: Bool
        let advice: [String]
    }

    let scratch: Scratch
    let configuration: String

    init() throws {
        scratch = try Scratch()
        let images = try ImageFolder.make(in: scratch)
        configuration = try scratch.file(
            "plan.yaml",
            """
            data: \(images)
            steps: 4
            global_batch: 48
            slice_size: 4
            batch_norm: slice
            encoder: {name: resnet18, width: 0.25}
            projector: {hidden: 32, out: 16}
            checkpoint.every_epochs: 0
            """)
    }

    private func plan(_ more: [String]) throws -> (code: Int32, plan: Plan) {
        let ending = try scratch.run(["plan", configuration, "--json"] + more)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let plan = try decoder.decode(Plan.self, from: Data(ending.output.utf8))
        return (ending.code, plan)
    }

    /// Of time only that it is told: what it is, a benchmark says.
    @Test func memoryIsAboutWhatTheRunThenTakes() throws {
        for workers in [1, 2] {
            let (code, plan) = try plan(["--workers", "\(workers)", "--memory", "100GiB"])
            #expect(code == 0 && plan.fits && plan.advice.isEmpty)
            #expect(abs(plan.memory.values.reduce(0, +) - plan.memoryBytes) < 1)
            #expect(abs(plan.time.values.reduce(0, +) - plan.stepSeconds) < 1e-9)
            #expect(abs(48 / plan.stepSeconds - plan.imagesPerSecond) < 1e-6)
            let run = scratch.path("run\(workers)")
            let ending = try scratch.run(["train", configuration, "--workers", "\(workers)", "--out", run])
            try #require(ending.code == 0, "\(ending)")
            let text = try String(contentsOfFile: run + "/report.json", encoding: .utf8)
            let report = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let taken = try #require(report["memory_mib"] as? Double) * 0x1p20
            #expect((0.7...1.4).contains(plan.memoryBytes / taken), "\(plan.memoryBytes) for \(taken)")
        }
    }

    @Test func whatDoesNotFitEndsWithAnotherCodeAndWhatWould() throws {
        let (code, plan) = try plan(["--memory", "20MiB"])
        #expect(code == 2 && !plan.fits && plan.advice.isEmpty)
        let (_, free) = try self.plan(["--memory", "100GiB"])
        let limit = Int(free.memoryBytes) - (1 << 20)
        let (tight, advised) = try self.plan(["--memory", "\(limit)", "global_batch=60"])
        #expect(tight == 2 && !advised.fits)
        #expect(advised.advice.contains { $0.contains("workers") }, "\(advised.advice)")
    }

    @Test func mistakesAreNamed() throws {
        for (words, part) in [
            (["--workers", "13"], "--workers 13 is more than the 12 slices"),
            (["--line", "fast"], "--line takes a rate"),
            (["--memory", "much"], "--memory takes a size"), (["--hosts", "2"], "--hosts 2 is more than --workers"),
            (["memory_budget=1GiB", "batch_norm=sync"], "memory_budget: batch_norm=sync"),
            (["memory_budget=lots"], "memory_budget: lots is not allowed"),
        ] {
            let ending = try scratch.run(["plan", configuration] + words)
            #expect(ending.code == 2 && ending.error.contains(part), "\(words): \(ending)")
        }
    }

    /// The loss of the same embeddings by all counts of workers is told by other tests; here, that a bench comes through.
    @Test(arguments: ["simclr", "mocov3", "triplet"])
    func aLossIsTimedAndWeighed(method: String) throws {
        let ending = try scratch.run(
            ["bench", "loss", "--method", method, "--images", "101", "--dimension", "8", "--workers", "3", "--json"])
        try #require(ending.code == 0, "\(ending)")
        let row = try #require(JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any])
        #expect(row["images"] as? Int == 101 && row["workers"] as? Int == 3)
        #expect(row["value"] as? Double ?? 0 > 0 && row["forward_seconds"] as? Double ?? 0 > 0)
    }
}
