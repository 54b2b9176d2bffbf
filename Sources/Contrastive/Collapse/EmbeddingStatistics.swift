import Foundation
import Torch

/// Whether embeddings still tell images apart.
public struct EmbeddingStatistics: Equatable, Sendable {
    /// exp of the entropy of the normalised singular values: how many directions the embeddings use, in 1…min(rows, D).
    ///
    /// Source: Roy and Vetterli, "The effective rank", EUSIPCO 2007; used so by Garrido et al., "RankMe", ICML 2023.
    public let effectiveRank: Double
    /// Mean over dimensions of the standard deviation of unit embeddings, times √D: 1 where they spread over the whole
    /// sphere, 0 where all are the same.
    ///
    /// Source: Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, section 4.1.
    public let deviation: Double
    /// Mean squared distance of the two views of an image, on the unit sphere, in 0…4.
    ///
    /// Source, also of `uniformity`: Wang and Isola, ICML 2020, with α = 2 and t = 2.
    public let alignment: Double
    /// log of the mean of exp(−2·squared distance) over pairs of different images, at most 0; lower is more even.
    public let uniformity: Double

    /// - Parameters:
    ///   - first, second: [n, D] of two views of the same images, before normalisation; n ≥ 2.
    public init(_ first: Tensor, _ second: Tensor) throws {
        guard first.dimensions == 2, first.shape == second.shape, first.shape[0] >= 2 else {
            throw ContrastiveError(
                .shape, in: "embedding statistics", "views \(first.shape) and \(second.shape); two [n, D] with n ≥ 2")
        }
        let views = try withoutGradient {
            try [first, second].map { try $0.detached().converted(to: .float64).l2Normalized(dim: 1) }
        }
        (effectiveRank, deviation, alignment, uniformity) = try withoutGradient {
            let z = views[0]
            let (rows, width) = (z.shape[0], z.shape[1])
            let singular = try z.svdvals().doubles()
            let total = singular.reduce(0, +)
            let entropy = singular.reduce(0.0) { sum, value in
                let share = value / total
                return share > 0 ? sum - share * log(share) : sum
            }
            let centred = try z - z.mean(dims: [0], keepDimensions: true)
            let deviations = try centred.square().mean(dims: [0]).sqrt()
            let distance = try (views[0] - views[1]).square().sum(dims: [1]).mean().item()
            // exp(−2·(2 − 2·cos)); the diagonal's rows · 1 is left out.
            let kernel = try ((z.matmul(z.transposed(0, 1)) - 1) * 4).exp().sum().item() - Double(rows)
            let uniformity = log(max(kernel, .leastNormalMagnitude) / Double(rows * (rows - 1)))
            return (
                exp(entropy), try deviations.mean().item() * Double(width).squareRoot(), distance, uniformity
            )
        }
    }

    /// Whether the embeddings are as good as one point, or lie along one direction.
    ///
    /// The bounds are far below what runs that learn show (0.5 and more; tens of directions) and far above what collapsed
    /// ones do (below 0.01; 1.0).
    public var isCollapsed: Bool { deviation < 0.05 || effectiveRank < 1.5 }
}
