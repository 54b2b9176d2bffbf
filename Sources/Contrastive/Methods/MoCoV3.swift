import Torch

/// MoCo v3: queries of both views against the keys of the other view of all images; no queue.
///
///     qᵢ = p(g(f(xᵢ)))      kᵢ = g′(f′(xᵢ)), no gradient      loss = ctr(q₁, k₂) + ctr(q₂, k₁)
///     ctr(q, k) = 2τ · cross-entropy(q̂·k̂ᵀ/τ, own image)
///
/// Keys travel round the ring of workers, without gradient. Views are normalised apart.
///
/// Source: Chen, Xie, He, "An Empirical Study of Training Self-Supervised Vision Transformers", ICCV 2021;
/// facebookresearch/moco-v3 (`MoCo_ResNet`).
public final class MoCoV3: Method {
    public let network: Network
    public var target: MomentumNetwork? { keyNetwork }
    private let keyNetwork: MomentumNetwork
    /// τ.
    private let temperature: Double

    public init(network: Network, target: MomentumNetwork, temperature: Double) {
        self.network = network
        keyNetwork = target
        self.temperature = temperature
    }

    /// The last layer is normalised, without scale and shift.
    public static func projector(layers: Int = 2, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs, outputNorm: BatchNorm.Affine.none)
    }

    public static func predictor(hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(hidden: hidden, outputs: outputs)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let q = try views.prefix(2).map { try step.forward($0, network) }
        let k = try views.prefix(2).map { try step.forward($0, target: keyNetwork.network) }
        let wide = try (q + k).map { try $0.wide(forPairsOf: step.workers.imageCount) }
        let share = try mocoV3(wide[0], wide[1], wide[2], wide[3], temperature: temperature, over: step.workers)
        return MethodLoss(share: share, embeddings: k)
    }

    public func commit(_ step: any MethodStep) throws { try keyNetwork.follow(step: step.number, of: step.total) }
}
