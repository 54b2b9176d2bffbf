import Torch

/// SwAV: each crop predicts the cluster code of the other; codes are a soft assignment to prototypes that uses all of them
/// equally over the batch.
///
///     z = g(f(x))      scores = ẑ·Cᵀ      codes q₁, q₂ = Sinkhorn(scores of the two global crops / ε)
///     loss = −½ Σ_{t ∈ 1, 2} mean_{s ≠ t} q_t · log softmax(scores_s/τ)   over all crops s, local ones too
///
/// Sinkhorn runs over the global batch and, once it is full, a queue of embeddings; its sums cross the workers. Crops of
/// one size are normalised together. Prototypes have unit length after every step and stand still in the first epochs.
///
/// Source: Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020;
/// facebookresearch/swav.
public final class SwAV: Method {
    public struct Settings: Sendable {
        /// τ.
        public var temperature = 0.1
        /// ε of Sinkhorn.
        public var epsilon = 0.05
        /// Rounds of Sinkhorn.
        public var rounds = 3
        /// Epochs in which prototypes stand still.
        public var frozenEpochs = 1
        /// Rows of each global crop's queue; 0: none.
        public var queueSize = 0
        /// The epoch (from 0) from which the queue is filled.
        public var queueStart = 15

        public init() {}
    }

    public let network: Network
    private let encoder: any Encoder
    private let projector: MLPHead
    private let prototypes: Prototypes
    private let settings: Settings
    /// One for each global crop, or none.
    private let queues: [EmbeddingQueue]
    /// All N embeddings of each global crop of the step under way.
    private var embeddings: [Tensor] = []

    public init(
        encoder: any Encoder, projector: MLPHead, prototypes: Prototypes, settings: Settings, seed: UInt64
    ) throws {
        network = try Network(encoder: encoder, heads: [("projector", projector), ("prototypes", prototypes)])
        self.encoder = encoder
        self.projector = projector
        self.prototypes = prototypes
        self.settings = settings
        queues =
            settings.queueSize > 0
            ? try (0..<2).map {
                try EmbeddingQueue(
                    size: settings.queueSize, dimension: projector.outputs, seed: seed, name: "queue\($0)")
            } : []
    }

    public static func projector(layers: Int = 2, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs, hiddenBias: true, outputBias: true)
    }

    public var memory: [NamedTensor] { queues.flatMap(\.state) }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let crops = try step.forward(crops: views) { [encoder, projector, prototypes] images, mode in
            let z = try projector.forward(encoder.forward(images, mode: mode), mode: mode)
            return [try z.detached(), try prototypes.forward(z, mode: mode)]
        }
        let global = crops.prefix(2).map { $0[0] }
        if fillsQueue(in: step) { embeddings = try global.map { try step.workers.gather($0) } }
        let codes = try withoutGradient {
            try (0..<2).map { crop in
                try sinkhornCodes(
                    scores: crops[crop][1].detached().wide, extraScores: queuedScores(of: crop),
                    epsilon: settings.epsilon, rounds: settings.rounds, over: step.workers)
            }
        }
        let share = try swappedPrediction(
            scores: crops.map { try $0[1].wide }, codes: codes, temperature: settings.temperature, over: step.workers)
        return MethodLoss(share: share, embeddings: global)
    }

    private func fillsQueue(in step: any MethodStep) -> Bool { !queues.isEmpty && step.epoch >= settings.queueStart }

    /// The scores of the queue's rows under the prototypes as they are now; nil until it is full.
    private func queuedScores(of crop: Int) throws -> Tensor? {
        guard crop < queues.count, try queues[crop].isFull else { return nil }
        return try queues[crop].rows.matmul(prototypes.directions.detached().transposed(0, 1)).wide
    }

    public func commit(_ step: any MethodStep) throws {
        for (queue, rows) in zip(queues, embeddings) { try queue.enqueue(rows) }
        embeddings = []
        try prototypes.normalize()
    }

    public func learningRate(of parameter: Parameter, scheduled rate: Double, in step: any MethodStep) -> Double? {
        parameter.name.hasPrefix("prototypes.") && step.epoch < settings.frozenEpochs ? nil : rate
    }
}

extension MethodStep {
    /// Two global crops of one size and any number of local ones of another; crops of one size are normalised together.
    func forward(
        crops: [Tensor], _ network: @escaping (Tensor, ForwardMode) throws -> [Tensor]
    ) throws -> [[Tensor]] {
        let global = try forward(Array(crops.prefix(2)), shuffled: false, network)
        guard crops.count > 2 else { return global }
        return try global + forward(Array(crops.dropFirst(2)), shuffled: false, network)
    }
}
