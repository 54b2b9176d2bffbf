import Torch

/// Barlow Twins: the cross-correlation of the two views' embeddings, taken over the batch, shall be the identity.
///
///     C = z̃₁ᵀ·z̃₂/N, z̃ standardised over the batch      loss = Σᵢ (1 − Cᵢᵢ)² + λ·Σ_{i≠j} Cᵢⱼ²
///
/// Across workers go the batch's mean, variance and C, with gradient. Views are normalised apart.
///
/// Source: Zbontar et al., "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", ICML 2021;
/// facebookresearch/barlowtwins.
public final class BarlowTwins: Method {
    public let network: Network
    private let lambda: Double
    private let scale: Double

    /// - Parameter scale: multiplies the loss (0.1 in solo-learn's recipe for CIFAR, with LARS's learning rate).
    public init(encoder: any Encoder, projector: MLPHead, lambda: Double, scale: Double) throws {
        network = try Network(encoder: encoder, heads: [("projector", projector)])
        self.lambda = lambda
        self.scale = scale
    }

    public static func projector(layers: Int = 3, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let z = try views.prefix(2).map { try step.forward($0, network) }
        let share = try barlowTwins(z[0].wide, z[1].wide, lambda: lambda, over: step.workers)
        return MethodLoss(share: try share * scale, embeddings: z)
    }
}
