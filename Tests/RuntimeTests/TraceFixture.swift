import ClusterTestKit
import Collectives
import Foundation
import Runtime
import Testing

/// A trace's file of a test, and what is in it.
final class TraceFixture: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("murmur-trace-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(run: UInt64 = 1) -> TraceFile { TraceFile(path: path, runID: run) }

    /// One event of the file.
    struct Event {
        let name: String
        /// `X`, or `M` for metadata.
        let kind: String
        let rank: Int
        let lane: Int
        /// Nanoseconds.
        let start: Int
        let end: Int
        let arguments: [String: Any]

        func contains(_ other: Event) -> Bool { start <= other.start && other.end <= end }
    }

    func events() throws -> [Event] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let events = try #require(object["traceEvents"] as? [[String: Any]])
        return try events.map { event in
            func nanoseconds(_ key: String) -> Int { Int(((event[key] as? Double ?? 0) * 1000).rounded()) }
            return Event(
                name: try #require(event["name"] as? String), kind: try #require(event["ph"] as? String),
                rank: try #require(event["pid"] as? Int), lane: try #require(event["tid"] as? Int),
                start: nanoseconds("ts"), end: nanoseconds("ts") + nanoseconds("dur"),
                arguments: event["args"] as? [String: Any] ?? [:])
        }
    }

    func timed() throws -> [Event] { try events().filter { $0.kind == "X" } }

    /// The arguments of each rank's and generation's clock.
    func labels() throws -> [[String: Any]] {
        try events().filter { $0.name == "process_labels" }.map(\.arguments)
    }

    /// Runs `body` as each rank of a generation between its begin and its end.
    ///
    /// - Returns: what rank 0 has to tell the user.
    @discardableResult
    func generation(
        _ number: UInt64, _ recorders: [TraceRecorder],
        _ body: @escaping @Sendable (TraceRecorder, Communicator) throws -> Void
    ) throws -> String? {
        try InMemoryNetwork(size: recorders.count).run(hosts: nil) { communicator, _ in
            let recorder = recorders[communicator.rank]
            try recorder.beginGeneration(number, over: communicator)
            recorder.attach(communicator)
            try body(recorder, communicator)
            return try recorder.endGeneration(over: communicator)
        }.map { try $0.get() }[0]
    }
}

func sum(_ count: Int, over communicator: Communicator) throws {
    var values = [Float](repeating: 1, count: count)
    try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
}
