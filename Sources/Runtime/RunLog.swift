import Foundation
import Training

/// Appends to a run's `log.jsonl`, one JSON object a line and a step.
final class RunLog {
    private let path: String
    private let handle: FileHandle

    /// Opens the log, and on resuming drops the lines of steps that will be done again.
    ///
    /// - Parameter keptSteps: the steps that the checkpoint to resume from has done; 0 for a new run.
    init(path: String, keptSteps: Int) throws {
        self.path = path
        do {
            let kept = try Self.lines(of: path).filter { $0.step <= keptSteps }
            let text = kept.map { String(decoding: $0.jsonLine(), as: UTF8.self) + "\n" }.joined()
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try handle.seekToEnd()
        } catch {
            throw Failure.file("write", path, error)
        }
    }

    func append(_ line: [UInt8]) throws {
        do {
            try handle.write(contentsOf: line + [UInt8(ascii: "\n")])
        } catch {
            throw Failure.file("write", path, error)
        }
    }

    /// The records of a log; a last line that a crash cut short is passed over.
    static func lines(of path: String) throws -> [StepRecord] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let decoder = JSONDecoder()
        return data.split(separator: UInt8(ascii: "\n")).compactMap { try? decoder.decode(StepRecord.self, from: $0) }
    }
}
