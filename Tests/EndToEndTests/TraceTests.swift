import Foundation
import Testing

@Suite("Traces", .serialized)
struct TraceTests {
    let scratch: Scratch
    let images: String

    init() throws {
        scratch = try Scratch()
        images = try ImageFolder.make(in: scratch)
    }

    private struct Event {
        let name: String
        let category: String
        let rank: Int
        let lane: Int
        /// Nanoseconds.
        let start: Int
        let end: Int
        let arguments: [String: Any]
    }

    private func objects(_ name: String) throws -> [[String: Any]] {
        let data = try Data(contentsOf: URL(fileURLWithPath: scratch.path(name)))
        let trace = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(trace["displayTimeUnit"] as? String == "ms")
        return try #require(trace["traceEvents"] as? [[String: Any]])
    }

    private func events(_ name: String) throws -> [Event] {
        try objects(name).filter { $0["ph"] as? String == "X" }.map { event in
            func nanoseconds(_ key: String) throws -> Int {
                Int((try #require(event[key] as? Double) * 1000).rounded())
            }
            let start = try nanoseconds("ts")
            return Event(
                name: try #require(event["name"] as? String), category: try #require(event["cat"] as? String),
                rank: try #require(event["pid"] as? Int), lane: try #require(event["tid"] as? Int), start: start,
                end: try start + nanoseconds("dur"), arguments: try #require(event["args"] as? [String: Any]))
        }
    }

    private func labels(_ name: String) throws -> [[String: Any]] {
        try objects(name).filter { $0["name"] as? String == "process_labels" }.compactMap {
            $0["args"] as? [String: Any]
        }
    }

    /// Each event lies within the one that is open when it begins.
    private func expectNested(_ events: [Event]) {
        var open: [Event] = []
        for event in events.sorted(by: { ($0.start, $1.end) < ($1.start, $0.end) }) {
            while let last = open.last, last.end <= event.start { open.removeLast() }
            if let last = open.last { #expect(event.end <= last.end, "\(event) in \(last)") }
            open.append(event)
        }
    }

    @Test(arguments: ["auto", "tcp"])
    func showEveryPhaseAndCollectiveOfEveryRank(transport: String) throws {
        let out = ["--trace", scratch.path("out.json"), "encoder.width=0.25", "cluster.transport=\(transport)"]
        try scratch.train("run", data: images, steps: 3, workers: 2, out)
        let events = try events("out.json")
        #expect(Set(events.map(\.rank)) == [0, 1])
        let labels = try labels("out.json")
        #expect(labels.map { $0["dropped_events"] as? Int } == [0, 0])
        let error = try #require(labels.last?["clock_error_ns"] as? Int)
        if transport == "auto" { #expect(error == 0, "processes of a host have one clock") }

        for rank in 0...1 {
            let own = events.filter { $0.rank == rank }
            for lane in Set(own.map(\.lane)) { expectNested(own.filter { $0.lane == lane }) }
            let phases = own.filter { $0.category == "phase" }
            for step in 1...3 {
                let names = phases.filter { $0.arguments["step"] as? Int == step }.map(\.name)
                let expected = ["load", "forward", "loss", "backward", "reduce", "update"]
                #expect(names.filter { $0 != "restore" && $0 != "save" } == expected, "step \(step)")
            }
            let training = try #require(phases.first?.lane)
            for reduce in own where reduce.category == "collective" {
                // Buckets have a lane of their own, and may leave in backward and arrive after it.
                #expect(
                    reduce.lane != training
                        || phases.contains {
                            $0.start <= reduce.start && reduce.end <= $0.end
                                && $0.arguments["step"] as? Int == reduce.arguments["step"] as? Int
                        }, "\(reduce)")
                #expect(reduce.arguments["bytes"] is Int)
            }
            // How many there are depends on how often this rank was early; `expectNested` has seen where they lie.
            for work in own where work.category == "spare work" {
                #expect(work.lane == training && work.name == "meanwhile" && work.arguments["bytes"] == nil)
            }
        }
        let collectives = (0...1).map { rank in
            events.filter { $0.rank == rank && $0.category == "collective" }
        }
        #expect(collectives[0].count { $0.name == "all-reduce" } >= 6)
        let lanes = Set(collectives.joined().map(\.lane))
        #expect(lanes.count == (transport == "tcp" ? 2 : 1), "gradients have a lane of their own where they overlap")
        for lane in lanes {
            let pair = collectives.map { $0.filter { $0.lane == lane } }
            #expect(pair[0].map(\.name) == pair[1].map(\.name), "ranks call the same in the same order")
            for (one, other) in zip(pair[0], pair[1]) where one.name == "all-reduce" {
                #expect(one.start <= other.end + error && other.start <= one.end + error, "\(one) and \(other)")
            }
        }
    }

    @Test func areWrittenOnlyWhereAskedFor() throws {
        try scratch.train("run", data: images, steps: 3, ["encoder.width=0.25"])
        let files = try FileManager.default.subpathsOfDirectory(atPath: scratch.directory.path)
        #expect(
            !files.contains { $0.hasSuffix(".json") && !$0.hasSuffix("report.json") && !$0.contains("checkpoints") })
    }

    @Test func mayLieInTheRunDirectoryAndReplaceAnEarlierOne() throws {
        let arguments = ["--trace", scratch.path("run/trace.json"), "encoder.width=0.25"]
        try scratch.train("run", data: images, steps: 3, arguments)
        let first = try events("run/trace.json")
        #expect(!first.isEmpty)
        try FileManager.default.removeItem(atPath: scratch.path("run/log.jsonl"))
        try FileManager.default.removeItem(atPath: scratch.path("run/checkpoints"))
        try scratch.train("run", data: images, steps: 3, arguments)
        let second = try events("run/trace.json")
        #expect(second.count == first.count && second[0].start > first[0].start)
    }

    @Test func toAPathThatCannotBeWrittenAreRefusedBeforeAnythingStarts() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 3))
        for path in [scratch.path("nowhere/out.json"), scratch.directory.path] {
            let ending = try scratch.run(["train", configuration, "--out", scratch.path("run"), "--trace", path])
            #expect(ending.code == 4, "\(ending)")
            #expect(ending.error.split(separator: "\n").count == 1 && ending.error.contains(path), "\(ending)")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("run") + "/log.jsonl"))
        }
    }

    @Test func goOnOverSeveralGenerations() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 150))
        let coordinator = try scratch.start([
            "coordinator", configuration, "encoder.width=0.25", "--workers", "2", "--out", scratch.path("run"),
            "--trace", scratch.path("out.json"),
        ])
        let join = ["worker", "--join", try scratch.ticket(of: coordinator, run: "run")]
        let leaver = try scratch.start(join)
        let stayer = try scratch.start(join)
        try coordinator.waitUntil("step 2") { try scratch.log(of: "run").count >= 2 || !coordinator.isRunning }
        leaver.send(SIGTERM)
        #expect(try leaver.ending().code == 0)
        #expect(try coordinator.ending().code == 0)
        #expect(try stayer.ending().code == 0)
        #expect(try labels("out.json").map { $0["generation"] as? Int } == [1, 1, 2])
        let updates = try events("out.json").filter { $0.name == "update" && $0.rank == 0 }
        #expect(updates.compactMap { $0.arguments["step"] as? Int } == Array(1...150))
        #expect(zip(updates, updates.dropFirst()).allSatisfy { $0.end <= $1.start })
    }

    @Test func keepRankZerosOwnWhereAnotherRankDies() throws {
        let configuration = try scratch.file("run.yaml", smallConfiguration(data: images, steps: 1000))
        let process = try scratch.start([
            "train", configuration, "encoder.width=0.25", "--workers", "2", "--out", scratch.path("run"), "--trace",
            scratch.path("out.json"),
        ])
        try process.waitUntil("step 4") { try scratch.log(of: "run").count >= 4 || !process.isRunning }
        let second = try #require(process.error.firstMatch(of: #/\(rank 1, host [^,]+, pid (\d+)\)/#)?.1)
        kill(try #require(Int32(second)), SIGKILL)
        #expect(try process.ending(within: 60).code == 6)
        let events = try events("out.json")
        #expect(Set(events.map(\.rank)) == [0])
        #expect(events.count { $0.name == "update" } >= 4)
        expectNested(events)
    }
}
