import Checkpoints
import Configuration
import Foundation
import Training

/// The directory of one run: `config.yaml`, `log.jsonl`, `checkpoints/`, `report.json`, and the ticket for workers.
public struct RunDirectory: Sendable {
    /// Absolute.
    public let path: String

    public init(path: String) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    }

    public var configurationPath: String { path + "/config.yaml" }
    public var logPath: String { path + "/log.jsonl" }
    public var reportPath: String { path + "/report.json" }
    public var ticketPath: String { path + "/ticket" }
    public var lossCurvePath: String { path + "/loss.svg" }
    /// Holds the run's id: a worker that can read it there shares this directory with the coordinator.
    private var identityPath: String { path + "/run-id" }

    /// The checkpoints below this directory.
    public var checkpoints: CheckpointStore { CheckpointStore(directory: path + "/checkpoints") }

    /// Creates the directory for a new run.
    ///
    /// - Throws: `Failure` when it holds a run already, which would be lost.
    func create() throws {
        let manager = FileManager.default
        if manager.fileExists(atPath: logPath) || manager.fileExists(atPath: path + "/checkpoints") {
            throw Failure(.usage, "\(path) already holds a run: add --resume to go on with it, or choose another --out")
        }
        try createFolder()
    }

    /// Creates the directory where it does not exist yet.
    func createFolder() throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure.file("create", path, error)
        }
    }

    /// Replaces one of the directory's files as a whole.
    func write(_ text: String, to file: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw Failure.file("write", file, error)
        }
    }

    /// Leaves the mark by which `isSeen` recognises the directory.
    func mark(runID: UInt64) throws { try write("\(runID)\n", to: identityPath) }

    /// Whether this process sees the directory that the coordinator of `runID` marked.
    func isSeen(runID: UInt64) -> Bool {
        let text = try? String(contentsOfFile: identityPath, encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines) == "\(runID)"
    }
}
