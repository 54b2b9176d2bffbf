import Torch

/// VICReg: views near (invariance), every dimension spread (variance), dimensions uncorrelated (covariance).
///
/// Across workers go the batch's means and covariances, with gradient. Views are normalised apart.
///
/// Source: Bardes, Ponce, LeCun, "VICReg: Variance-Invariance-Covariance Regularization", ICLR 2022;
/// facebookresearch/vicreg.
public final class VICReg: Method {
    /// Weights of the three terms.
    public struct Weights: Sendable {
        public var invariance: Double
        public var variance: Double
        public var covariance: Double

        public init(invariance: Double = 25, variance: Double = 25, covariance: Double = 1) {
            self.invariance = invariance
            self.variance = variance
            self.covariance = covariance
        }
    }

    public let network: Network
    private let weights: Weights

    public init(encoder: any Encoder, projector: MLPHead, weights: Weights) throws {
        network = try Network(encoder: encoder, heads: [("projector", projector)])
        self.weights = weights
    }

    /// The expander: hidden layers have biases, the last has none.
    public static func projector(layers: Int = 3, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs, hiddenBias: true)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let z = try views.prefix(2).map { try step.forward($0, network) }
        let share = try vicReg(
            z[0].wide, z[1].wide, invariance: weights.invariance, variance: weights.variance,
            covariance: weights.covariance, over: step.workers)
        return MethodLoss(share: share, embeddings: z)
    }
}
