import Torch

/// MoCo v1 and v2: a query shall be nearer to its key, another view by a slowly moving encoder, than to K old keys.
///
///     q = g(f(x₁))      k = g′(f′(x₂)), no gradient      loss = InfoNCE(q̂; k̂, queue)
///     afterwards:  queue ← queue without its oldest, with all N keys      (f′, g′) ← m·(f′, g′) + (1 − m)·(f, g)
///
/// v1 has a linear head and τ = 0.07, v2 a two-layer one, τ = 0.2 and stronger augmentation. The keys' batches can be
/// shuffled over the workers' slices, so that normalisation does not tell a query its key. Across workers go the keys,
/// without gradient.
///
/// Instead of the queue, negatives can be drawn from a bank of the whole dataset's keys (Wu et al., CVPR 2018).
///
/// Sources: He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020; Chen et al.,
/// "Improved Baselines with Momentum Contrastive Learning", 2020; facebookresearch/moco.
public final class MoCo: Method {
    /// Where negatives come from.
    public enum Negatives {
        case queue(EmbeddingQueue)
        /// So many drawn each step; a row follows its image's keys with this momentum.
        case bank(FeatureBank, count: Int, momentum: Double, seed: UInt64)
    }

    public let network: Network
    public var target: MomentumNetwork? { keyNetwork }
    private let keyNetwork: MomentumNetwork
    private let negatives: Negatives
    /// τ.
    private let temperature: Double
    /// All N keys of the step under way.
    private var keys: Tensor?

    public init(network: Network, target: MomentumNetwork, negatives: Negatives, temperature: Double) {
        self.network = network
        keyNetwork = target
        self.negatives = negatives
        self.temperature = temperature
    }

    /// v1: one linear layer (torchvision's `fc` with as many outputs).
    public static func linearProjector(outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: 1, hidden: outputs, outputs: outputs, outputBias: true)
    }

    /// v2: linear, ReLU, linear; no normalisation.
    public static func projector(layers: Int = 2, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(
            layers: layers, hidden: hidden, outputs: outputs, hiddenNorm: nil, hiddenBias: true, outputBias: true)
    }

    public var memory: [NamedTensor] {
        switch negatives {
        case .queue(let queue): queue.state
        case .bank(let bank, _, _, _): bank.state
        }
    }

    public var needsFirstPass: Bool { if case .bank = negatives { true } else { false } }

    public func observe(_ views: [Tensor], in step: any MethodStep) throws {
        guard case .bank(let bank, _, _, _) = negatives else { return }
        let own = try step.forward(views[1], shuffled: true, target: keyNetwork.network)
        try bank.write(step.workers.gather(own), of: step.samples)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let q = try step.forward(views[0], network)
        let k = try step.forward(views[1], shuffled: true, target: keyNetwork.network)
        keys = try step.workers.gather(k)
        let share = try infoNCE(
            queries: q.wide, keys: k.wide, queue: old(in: step).wide, temperature: temperature, over: step.workers)
        return MethodLoss(share: share, embeddings: [q, k])
    }

    /// The negatives, [K, D]; none of them of this step.
    private func old(in step: any MethodStep) throws -> Tensor {
        switch negatives {
        case .queue(let queue): queue.rows
        case .bank(let bank, let count, _, let seed): try bank.draw(count, seed: seed, step: step.number)
        }
    }

    public func commit(_ step: any MethodStep) throws {
        if let keys {
            switch negatives {
            case .queue(let queue): try queue.enqueue(keys)
            case .bank(let bank, _, let momentum, _): try bank.write(keys, of: step.samples, momentum: momentum)
            }
        }
        keys = nil
        try keyNetwork.follow(step: step.number, of: step.total)
    }
}
