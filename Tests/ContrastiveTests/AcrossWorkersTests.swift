import Contrastive
import Foundation
import Testing
import Torch

/// SimCLR's step as several workers run it, each a thread with its own copy of the model and some of the images.
@Suite struct AcrossWorkersTests {
    static let images = 6

    struct Outcome {
        var loss = 0.0
        var gradients: [Double] = []
        var running: [Double] = []
    }

    @Test(arguments: [[[3, 1, 0, 2], [5, 4]], [[5], [0, 2, 4], [1, 3]], [[1, 2], [], [0, 5, 4], [3]]])
    func lossParameterGradientsAndRunningStatisticsAreThoseOfOneProcess(shares: [[Int]]) throws {
        let one = try Self.step([Array(0..<Self.images)])
        let many = try Self.step(shares)
        #expect(relativeError([many.loss], [one.loss]) < 1e-10)
        #expect(relativeError(many.gradients, one.gradients) < 1e-8)
        #expect(relativeError(many.running, one.running) < 1e-10)
    }

    @Test func aWorkerWithoutImagesRunsAlongInSinglePrecision() throws {
        for form in ResNet.Form.allCases {
            let encoder = try ResNet(depth: .resNet50, form: form, width: 0.0625, seed: 1)
            var sums = 0
            // Stands for the other workers: 4 values per channel of mean 0 and variance 1.
            let context = TrainingContext(reduceStatistics: { sum in
                sums += 1
                let channels = sum.count / 2
                guard sum.count % 2 == 1 else { return }
                try sum.narrowed(dim: 0, start: channels, length: channels + 1).fillInPlace(4)
            })
            let features = try encoder.forward(Tensor.zeros([0, 3, 32, 32]), mode: .training(context))
            #expect(features.shape == [0, encoder.featureDimension])
            try features.backward(Tensor.zeros(features.shape))
            #expect(sums == 2 * encoder.batchNorms.count)
            for parameter in encoder.parameters {
                #expect(try parameter.tensor.gradient?.norm().item() == 0, "\(parameter.name)")
            }
        }
    }

    /// One step with worker w holding the images `shares[w]`: the loss and the parameter gradients, summed over workers.
    static func step(_ shares: [[Int]]) throws -> Outcome {
        let ring = ThreadRing(shares.count)
        let outcomes = try ring.run { rank in try work(rank, shares[rank], ring) }
        var total = outcomes[0]
        for outcome in outcomes.dropFirst() {
            total.loss += outcome.loss
            total.gradients = zip(total.gradients, outcome.gradients).map(+)
            #expect(outcome.running == total.running)
        }
        return total
    }

    static func work(_ rank: Int, _ share: [Int], _ ring: ThreadRing) throws -> Outcome {
        let model = try SimCLRTests.model()
        let recorder = try RunningStatisticsRecorder(of: model)
        let views = try noise([2 * images, 1, 12, 12], 7)
        let rows = share + share.map { $0 + images }
        let own = try Tensor(rows.map { Int64($0) }, shape: [rows.count])
        let z = try model.embed(
            views.indexSelected(dim: 0, indices: own),
            mode: .training(TrainingContext(reduceStatistics: { try ring.sum($0, rank) }, recorder: recorder)))

        // The gather: every worker's rows at their places, zeros elsewhere, summed.
        let dimension = model.projector.outputs
        let gathered = try Tensor.zeros([2 * images, dimension], .float64)
        for (row, place) in rows.enumerated() {
            try gathered.selected(dim: 0, index: place).copyInPlace(from: z.detached().selected(dim: 0, index: row))
        }
        try ring.sum(gathered, rank)
        try gathered.setRequiresGradient(true)
        let anchors = try NTXentTests.leaf(z)
        let loss = try model.loss(embeddings: anchors, keys: gathered, positions: share)
        try loss.backward()

        // The gather's backward: the sum over workers of what each one's anchors give to the keys.
        let keyGradient = try #require(gathered.gradient)
        try ring.sum(keyGradient, rank)
        try z.backward(#require(anchors.gradient) + keyGradient.indexSelected(dim: 0, indices: own))
        try recorder.commit(packed: recorder.packed())
        return Outcome(
            loss: try loss.item(),
            gradients: try model.parameters.flatMap { try values(#require($0.tensor.gradient)) },
            running: try model.buffers.flatMap { try values($0.tensor) })
    }
}

/// Workers that are threads of this process, and a sum over them.
///
/// `@unchecked Sendable`: every access to the state is under `condition`.
final class ThreadRing: @unchecked Sendable {
    struct Stopped: Error {}

    private let size: Int
    private let condition = NSCondition()
    private var parts: [Int: [Double]] = [:]
    private var total: [Double] = []
    private var round = 0
    private var results: [Int: Result<AcrossWorkersTests.Outcome, any Error>] = [:]

    init(_ size: Int) { self.size = size }

    /// Runs `body` on one thread per worker; throws the first worker's error.
    func run(_ body: @escaping @Sendable (Int) throws -> AcrossWorkersTests.Outcome) throws -> [AcrossWorkersTests
        .Outcome]
    {
        for rank in 0..<size {
            Thread { [self] in
                let result = Result { try body(rank) }
                condition.lock()
                results[rank] = result
                condition.broadcast()
                condition.unlock()
            }.start()
        }
        condition.lock()
        defer { condition.unlock() }
        while results.count < size { condition.wait() }
        // A worker's own error says more than those of the workers that it left waiting.
        let errors = results.values.compactMap { result in
            if case .failure(let error) = result { error } else { nil }
        }
        if let error = errors.first(where: { !($0 is Stopped) }) ?? errors.first { throw error }
        return try (0..<size).compactMap { try results[$0]?.get() }
    }

    /// Sums a contiguous float64 tensor in place over all workers, in their order.
    func sum(_ tensor: Tensor, _ rank: Int) throws {
        let part = try tensor.detached().doubles()
        condition.lock()
        defer { condition.unlock() }
        let mine = round
        parts[rank] = part
        if parts.count == size {
            total = (1..<size).reduce(parts[0] ?? []) { sum, rank in zip(sum, parts[rank] ?? []).map(+) }
            parts = [:]
            round += 1
            condition.broadcast()
        }
        while round == mine && results.isEmpty { condition.wait() }
        guard round > mine else { throw Stopped() }
        try withoutGradient { try tensor.copyInPlace(from: Tensor(total, shape: tensor.shape)) }
    }
}
