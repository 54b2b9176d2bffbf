import Checkpoints
import ClusterTestKit
import Collectives
import Configuration
import Foundation
import ImagePipeline
import Testing
import Torch
import Training

/// Limits that send even small buffers round the ring, in several chunks.
let ringOnly = CollectiveLimits(chunkBytes: 256, minimumChunkBytes: 64, smallBytes: 0, window: 2)

/// Runs `body` once for each of `size` ranks, each on a thread of its own.
///
/// A rank that throws leaves its link when the others are done, so that it disturbs none that is about to throw the same;
/// or after a while, so that one that throws alone fails its test and hangs nobody.
func onRanks<Value: Sendable>(
    _ size: Int, limits: CollectiveLimits = CollectiveLimits(),
    _ body: @escaping @Sendable (Communicator) throws -> Value
) -> [Result<Value, any Error>] {
    let finish = FinishLine(size)
    return InMemoryNetwork(size: size).run { link in
        let result = Result {
            try TorchRuntime.setThreads(1)
            return try body(Communicator(link: link, limits: limits))
        }
        finish.reach()
        if case .failure(let error) = result {
            // A rank that was left alone passes that on at once.
            if !(error is CollectiveError) { finish.waitForAll() }
            link.cancel()
        }
        return try result.get()
    }
}

/// Knows when all ranks are done. `@unchecked Sendable`: used under the condition's lock.
private final class FinishLine: @unchecked Sendable {
    private let condition = NSCondition()
    private var running: Int

    init(_ size: Int) { running = size }

    func reach() {
        condition.withLock {
            running -= 1
            condition.broadcast()
        }
    }

    func waitForAll() {
        let limit = Date(timeIntervalSinceNow: 10)
        condition.withLock { while running > 0, condition.wait(until: limit) {} }
    }
}

/// A run so small that a step takes milliseconds: ResNet-18 of a sixteenth of its width on 16×16 images.
func tinyRun(
    steps: Int, batch: Int = 8, slice: Int = 2, _ change: (inout RunConfiguration) -> Void = { _ in }
) throws -> RunConfiguration {
    var configuration = RunConfiguration()
    configuration.data = "synthetic"
    configuration.steps = steps
    configuration.globalBatch = batch
    configuration.sliceSize = slice
    configuration.seed = 11
    configuration.encoder.width = 0.0625
    configuration.projector.hidden = 16
    configuration.projector.out = 8
    configuration.optimizer.name = .sgd
    configuration.optimizer.learningRate = 0.05
    configuration.checkpoint.everyEpochs = 0
    configuration.loader.maxBadShare = 0
    change(&configuration)
    try configuration.resolve(data: DatasetTraits(of: SyntheticImages(count: 1)))
    return configuration
}

/// Every optimiser with a learning rate that moves a tiny run.
let optimizerSettings: [(RunConfiguration.Optimizer.Name, Double)] = [(.lars, 1.2), (.sgd, 0.05), (.adamw, 0.002)]

/// The checkpoints of one test, removed with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("training-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The steps of the checkpoints in `folder`, in order.
    func steps(in folder: String) throws -> [Int] {
        let directory = "\(path)/\(folder)"
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory)
            .compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst("step-".count)) : nil }.sorted()
    }

    func newest(in folder: String) throws -> CheckpointContents {
        try CheckpointStore.load(CheckpointStore.open("\(path)/\(folder)").location)
    }
}

/// The elements in row-major order, whatever the scalar type.
func values(_ tensor: Tensor) throws -> [Double] {
    try withoutGradient { try tensor.detached().converted(to: .float64).contiguous().doubles() }
}

/// The largest difference between `a` and `b` over the largest magnitude in `b`; infinite where one is not a number.
func relativeError(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count, (a + b).allSatisfy(\.isFinite) else { return .infinity }
    let scale = b.map(abs).max() ?? 0
    let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
    return scale > 0 ? difference / scale : difference
}

extension TensorRecord {
    /// The elements, whatever their type.
    var values: [Double] { floats.map { $0.map(Double.init) } ?? integers.map { $0.map(Double.init) } ?? [] }
}

/// The tensor whose values differ most between two states, and by how much; infinite where names or shapes differ.
func largestDifference(
    _ a: [String: [TensorRecord]], _ b: [String: [TensorRecord]]
) -> (name: String, error: Double) {
    var largest = (name: "none", error: a.keys == b.keys ? 0.0 : .infinity)
    for (group, records) in b {
        let others = a[group] ?? []
        guard others.map(\.specification) == records.map(\.specification) else { return (group, .infinity) }
        for (other, record) in zip(others, records) {
            let error = relativeError(other.values, record.values)
            if !(error <= largest.error) { largest = ("\(group)/\(record.name)", error) }
        }
    }
    return largest
}

/// Expects two states to have the same bits. By itself, because a failed `#expect` of states would print all of them.
func expectSameBits(
    _ a: [String: [TensorRecord]], _ b: [String: [TensorRecord]], _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let isSame = a == b
    #expect(isSame, "\(what): \(largestDifference(a, b))", sourceLocation: sourceLocation)
}
