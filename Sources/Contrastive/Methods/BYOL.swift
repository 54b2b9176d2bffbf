import Torch

/// BYOL: the online network predicts what a slowly moving copy of it makes of the other view; no negatives.
///
///     qᵢ = p(g(f(xᵢ)))      z′ᵢ = g′(f′(xᵢ)), no gradient      loss = (2 − 2·cos(q₁, z′₂)) + (2 − 2·cos(q₂, z′₁))
///
/// Nothing crosses the workers but the statistics of batch normalisation. Views are normalised apart.
///
/// Source: Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020; google-deepmind/deepmind-research `byol`.
public final class BYOL: Method {
    public let network: Network
    public let target: MomentumNetwork?

    /// - Parameter network: encoder, projector and predictor.
    public init(network: Network, target: MomentumNetwork) {
        self.network = network
        self.target = target
    }

    /// The method without what keeps it from collapsing: the network is its own target, gradient included.
    ///
    /// - Parameter network: encoder and projector.
    public init(withoutTarget network: Network) {
        self.network = network
        target = nil
    }

    public static func projector(layers: Int = 2, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs, hiddenBias: true)
    }

    public static func predictor(hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(hidden: hidden, outputs: outputs, hiddenBias: true)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let q = try views.prefix(2).map { try step.forward($0, network) }
        guard let target else {
            // 2 − 2·cos both ways, as the loss has it, but with gradient into both of its sides.
            let cosines = try (q[0].wide.l2Normalized(dim: 1) * q[1].wide.l2Normalized(dim: 1)).sum()
            let count = Double(step.workers.imageCount)
            return MethodLoss(share: try (4 * Double(q[0].shape[0]) - 4 * cosines) / count, embeddings: q)
        }
        let t = try views.prefix(2).map { try step.forward($0, target: target.network) }
        let share = try byol(q[0].wide, q[1].wide, t[0].wide, t[1].wide, over: step.workers)
        return MethodLoss(share: share, embeddings: t)
    }

    public func commit(_ step: any MethodStep) throws { try target?.follow(step: step.number, of: step.total) }
}
