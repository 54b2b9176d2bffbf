import Foundation
import Testing

@Suite("A run's directory", .serialized)
struct RunDirectoryTests {
    let scratch: Scratch
    let images: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
    }

    @Test func hasAConfigurationThatIsTheSameRun() throws {
        try scratch.train("first", data: images, steps: 6, ["seed=11", "loss.temperature=0.3"])
        let ending = try scratch.run(
            ["train", scratch.path("first") + "/config.yaml", "--out", scratch.path("second")])
        try #require(ending.code == 0, "\(ending)")
        #expect(try scratch.losses(of: "first") == scratch.losses(of: "second"))
        let texts = try ["first", "second"].map {
            try String(contentsOfFile: scratch.path($0) + "/config.yaml", encoding: .utf8)
        }
        #expect(texts[0] == texts[1])
        try scratch.train("other", data: images, steps: 6, ["seed=12", "loss.temperature=0.3"])
        #expect(try scratch.losses(of: "first") != scratch.losses(of: "other"), "the seed must matter")
    }

    @Test func hasALogOfExactlyTheseKeys() throws {
        let before = Date().timeIntervalSince1970
        try scratch.train("run", data: images, steps: 6, workers: 2)
        let records = try scratch.log(of: "run")
        #expect(records.count == 6)
        let keys: Set = [
            "step", "loss", "lr", "images_per_second", "workers", "time", "memory_mib", "communication_seconds",
            "hidden_share",
        ]
        #expect(records.dropLast().allSatisfy { Set($0.keys) == keys })
        // The embeddings are looked at in the last step whatever `collapse.every` says.
        let watched: Set = ["effective_rank", "deviation", "alignment", "uniformity"]
        #expect(records.last.map { Set($0.keys) } == keys.union(watched))
        #expect(records.allSatisfy { $0["workers"] as? Int == 2 })
        #expect(records.allSatisfy { $0["images_per_second"] as? Double ?? 0 > 0 })
        #expect(records.allSatisfy { $0["communication_seconds"] as? Double ?? 0 > 0 })
        #expect(records.allSatisfy { (0...1).contains($0["hidden_share"] as? Double ?? -1) })
        let times = records.compactMap { $0["time"] as? Double }
        #expect(times == times.sorted() && times[0] > before - 1 && times[5] < Date().timeIntervalSince1970 + 1)
        // Two steps of warm-up to the peak, then down the cosine.
        let rates = records.compactMap { $0["lr"] as? Double }
        #expect(rates.max() == 0.05 && rates[0] < 0.05 && rates[5] < rates[3], "\(rates)")
    }

    @Test func hasAReportAndALossCurveAtTheEnd() throws {
        try scratch.train("run", data: images, steps: 6, workers: 2)
        let data = try Data(contentsOf: URL(fileURLWithPath: scratch.path("run") + "/report.json"))
        let report = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(report["steps"] as? Int == 6 && report["workers"] as? Int == 2)
        #expect(try report["final_loss"] as? Double == scratch.losses(of: "run").last)
        #expect(report["epochs"] as? Double == 6)
        #expect(report["seconds"] as? Double ?? 0 > 0)
        #expect((report["checkpoint"] as? String)?.hasSuffix("/checkpoints/step-000006") == true)
        let curve = try String(contentsOfFile: scratch.path("run") + "/loss.svg", encoding: .utf8)
        #expect(curve.contains("<svg") && curve.contains("</svg>"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path("run") + "/ticket"), "nobody can join any more")
    }

    @Test(arguments: ["report.json", "loss.svg"])
    func namesAFileThatCannotBeWritten(name: String) throws {
        let path = scratch.path("run") + "/" + name
        try FileManager.default.createDirectory(atPath: path + "/in the way", withIntermediateDirectories: true)
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 3))
        let ending = try scratch.run(["train", configuration, "--out", scratch.path("run")])
        #expect(ending.code == 4, "\(ending)")
        #expect(ending.error.split(separator: "\n").last?.contains(path) == true, "\(ending)")
    }

    @Test func keepsOnlySoManyCheckpoints() throws {
        try scratch.train(
            "run", data: images, steps: 9, extra: "", ["checkpoint.every_steps=2", "checkpoint.keep=2"])
        let kept = try FileManager.default.contentsOfDirectory(atPath: scratch.path("run") + "/checkpoints").sorted()
        #expect(kept == ["step-000008", "step-000009"])
    }

    @Test func getsPlainLinesWithoutATerminal() throws {
        let ending = try scratch.train("run", data: images, steps: 6, workers: 2, ["progress.every=2"])
        for text in [ending.output, ending.error] {
            #expect(!text.contains("\r") && !text.contains("\u{1B}"), "\(ending)")
        }
        let steps = ending.output.split(separator: "\n").compactMap { line in
            line.firstMatch(of: #/^step (\d+)\/6 /#).flatMap { Int($0.1) }
        }
        #expect(steps == [1, 2, 4, 6], "\(ending)")
        #expect(ending.error.split(separator: "\n").allSatisfy { $0.hasPrefix("murmur ") }, "\(ending)")
    }
}
