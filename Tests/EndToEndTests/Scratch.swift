import Foundation
import Testing

/// A test's own directory, removed with it, and the runs in it.
final class Scratch {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("murmur-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    func start(_ arguments: [String]) throws -> MurmurProcess { try MurmurProcess(arguments, in: directory) }

    /// Runs to the end.
    func run(_ arguments: [String], within seconds: Double = 300) throws -> MurmurProcess.Ending {
        try start(arguments).ending(within: seconds)
    }

    /// Writes a file and returns its path.
    func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
        return path(name)
    }

    /// Trains a small run to its end in the scratch directory `run`.
    ///
    /// - Parameters:
    ///   - data: the path of its images.
    ///   - more: further words of the command line.
    /// - Throws: where it does not end with 0.
    @discardableResult
    func train(
        _ run: String, data: String, steps: Int, workers: Int = 1, extra: String = "", _ more: [String] = []
    ) throws -> MurmurProcess.Ending {
        let configuration = try file("\(run).yaml", smallConfiguration(data: data, steps: steps, extra: extra))
        let ending = try self.run(
            ["train", configuration, "--workers", "\(workers)", "--out", path(run)] + more)
        try #require(ending.code == 0, "\(ending)")
        return ending
    }

    /// Waits for the coordinator of the scratch directory `run` to listen, and returns where its ticket is.
    func ticket(of coordinator: MurmurProcess, run: String) throws -> String {
        let ticket = path(run) + "/ticket"
        try coordinator.waitUntil("the ticket") {
            coordinator.output.contains("listening on") || !coordinator.isRunning
        }
        try #require(FileManager.default.fileExists(atPath: ticket), "\(coordinator.error)")
        return ticket
    }

    /// The losses of a run's log in order of steps; checks that the steps count from 1 without a gap.
    func losses(of run: String) throws -> [Double] {
        let records = try log(of: run)
        #expect(records.map { $0["step"] as? Int } == (0..<records.count).map { $0 + 1 })
        return records.compactMap { $0["loss"] as? Double }
    }

    /// The complete lines of a run's log.
    func log(of run: String) throws -> [[String: Any]] {
        guard let data = FileManager.default.contents(atPath: path(run) + "/log.jsonl") else { return [] }
        let text = String(decoding: data, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap { line in
            try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        }
    }
}

/// The images that the demo uses too; `scripts/test` installs them.
enum FashionMNIST {
    static let path = "/usr/share/datasets/fashion-mnist"
    static var isInstalled: Bool { FileManager.default.fileExists(atPath: path) }
}

/// A small run, fast enough for many of them: four slices a step, on Fashion-MNIST unless other `data` is named.
func smallConfiguration(
    data: String = FashionMNIST.path, steps: Int = 20, batchNorm: String = "sync", extra: String = ""
) -> String {
    """
    method: simclr
    data: \(data)
    global_batch: 32
    slice_size: 8
    steps: \(steps)
    seed: 7
    batch_norm: \(batchNorm)
    encoder: {name: resnet18, form: cifar, width: 0.0625}
    projector: {layers: 2, hidden: 64, out: 32}
    optimizer: {name: sgd, lr: 0.05}
    schedule: {warmup_steps: 2}
    checkpoint: {every_steps: 5, every_epochs: 0}
    \(extra)
    """
}

/// The largest relative difference between two loss curves; infinite where their lengths differ.
func largestDifference(_ one: [Double], _ two: [Double]) -> Double {
    guard one.count == two.count, !one.isEmpty else { return .infinity }
    return zip(one, two).map { abs($0 - $1) / abs($0) }.max() ?? .infinity
}
