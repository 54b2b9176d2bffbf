import Checkpoints
import Foundation

/// The file of a run's trace: a JSON object whose `traceEvents` grow by what each generation adds.
///
/// It is replaced as a whole each time, so that what is there can always be read.
package struct TraceFile: Sendable {
    /// Absolute.
    let path: String
    /// Its beginning names the run: what another run left there is not gone on with.
    private let head: String
    private static let tail = "\n]}\n"

    package init(path: String, runID: UInt64) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        head = """
            {"displayTimeUnit":"ms","otherData":{"program":"murmur","run":\(JSONText.quoted(String(runID)))},\
            "traceEvents":[

            """
    }

    /// Whether a trace can be written at a path; changes nothing there.
    ///
    /// - Throws: `Failure` with the path and why not.
    static func check(path: String) throws {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
            throw Failure(.checkpoint, "cannot write the trace \(path): it is a directory")
        }
        // What replaces a file has to be made beside it.
        let probe = path + ".probe-\(ProcessInfo.processInfo.processIdentifier)"
        do {
            try Data().write(to: URL(fileURLWithPath: probe))
            try FileManager.default.removeItem(atPath: probe)
        } catch {
            throw Failure.file("write the trace", path, error)
        }
    }

    /// Leaves a trace without events, in place of whatever is there.
    package func create() throws { try write(Data()) }

    /// Adds events to those of this run.
    ///
    /// - Parameter texts: each of objects with commas between them.
    package func append(_ texts: [[UInt8]]) throws {
        var events = existingEvents()
        for text in texts where !text.isEmpty {
            if !events.isEmpty { events += Data(",\n".utf8) }
            events += text
        }
        try write(events)
    }

    /// The text between the brackets; none where the file is missing or of another run.
    private func existingEvents() -> Data {
        let head = Data(head.utf8)
        let tail = Data(Self.tail.utf8)
        guard let data = FileManager.default.contents(atPath: path), data.count >= head.count + tail.count,
            data.prefix(head.count) == head, data.suffix(tail.count) == tail
        else { return Data() }
        return Data(data.dropFirst(head.count).dropLast(tail.count))
    }

    private func write(_ events: Data) throws {
        do {
            try (Data(head.utf8) + events + Data(Self.tail.utf8)).write(
                to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Failure.file("write the trace", path, error)
        }
    }
}
