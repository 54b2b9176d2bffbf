import Configuration
import Training

/// Tiny runs of every method, with all its parts at work: multi-crop, a queue that is no multiple of the batch, a target
/// whose momentum changes.
enum MethodRuns {
    typealias Method = RunConfiguration.Method

    /// A variant of a method, as tests name it.
    struct Variant: Sendable, CustomStringConvertible {
        let name: String
        let method: Method
        let change: @Sendable (inout RunConfiguration) -> Void

        var description: String { name }

        init(
            _ method: Method, _ suffix: String = "",
            _ change: @escaping @Sendable (inout RunConfiguration) -> Void = { _ in }
        ) {
            name = method.rawValue + suffix
            self.method = method
            self.change = change
        }
    }

    static let all: [Variant] =
        Method.allCases.map { Variant($0) } + [
            Variant(.moco, " from a bank") { $0.queue.negatives = .bank },
            Variant(.mocov2, " shuffled") { $0.batchNorm = .shuffle },
            Variant(.triplet, " of all") { $0.loss.mining = .all },
            Variant(.triplet, " hard") { ($0.loss.mining, $0.loss.distance) = (.hard, .cosine) },
            Variant(.byol, " without target") { $0.target.enabled = false },
        ]

    /// Eight slices, the last one shorter, of a dataset that is no multiple of the batch.
    static func configuration(
        _ variant: Variant, steps: Int = 3, batch: Int = 23, slice: Int = 3,
        _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> RunConfiguration {
        try tinyRun(steps: steps, batch: batch, slice: slice) {
            $0.method = variant.method
            $0.predictor.hidden = 12
            $0.loss.temperature = 0.2
            $0.loss.lambda = 0.05
            $0.queue.size = variant.method == .swav ? 30 : 37
            $0.queue.startEpoch = 0
            $0.prototypes.count = 7
            $0.prototypes.heads = 3
            $0.prototypes.frozenEpochs = 1
            $0.target.momentum = 0.9
            $0.target.finalMomentum = 1
            $0.optimizer.biasLearningRate = 0.02
            if variant.method.takesLocalViews { ($0.augment.localViews, $0.augment.localSize) = (2, 8) }
            variant.change(&$0)
            change(&$0)
        }
    }

    static func run(_ configuration: RunConfiguration) -> TestRun {
        var run = TestRun(configuration)
        // Two steps an epoch, so that three reach into the second.
        run.dataset = { _ in SyntheticImages(count: 2 * configuration.globalBatch + 5) }
        return run
    }
}
