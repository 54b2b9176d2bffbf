import Torch

/// This worker's share of BYOL's loss: each view's prediction against the other view's target, ‖p̂ − t̂‖² = 2 − 2·cos.
///
///     mean_i [ 2 − 2·cos(p1ᵢ, t2ᵢ) ]  +  mean_i [ 2 − 2·cos(p2ᵢ, t1ᵢ) ]
///
/// Nothing goes across workers.
///
/// - Parameters:
///   - p1: [n, D] before normalisation, the predictions from the first view of this worker's images; p2 from the second.
///   - t1: [n, D] before normalisation, the target network's projections of the first view; t2 of the second. No gradient.
/// - Returns: a scalar.
///
/// Source: Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020, equation 2, symmetrised.
public func byol(
    _ p1: Tensor, _ p2: Tensor, _ t1: Tensor, _ t2: Tensor, over workers: any Workers
) throws -> Tensor {
    let cosines = try crossedCosines("BYOL", p1, p2, t1, t2, over: workers)
    return try (4 * Double(workers.rows[workers.rank]) - 2 * cosines) / Double(workers.imageCount)
}

/// The sum over this worker's images of cos(p1, t2) + cos(p2, t1), without gradient to t1 and t2: a scalar.
func crossedCosines(
    _ place: String, _ p1: Tensor, _ p2: Tensor, _ t1: Tensor, _ t2: Tensor, over workers: any Workers
) throws -> Tensor {
    let check = LossCheck(place)
    try check.images(of: workers)
    try check.rows([("p1", p1), ("p2", p2), ("t1", t1), ("t2", t2)], over: workers)
    func cosines(_ prediction: Tensor, _ target: Tensor) throws -> Tensor {
        try (prediction.l2Normalized(dim: 1) * target.detached().l2Normalized(dim: 1)).sum()
    }
    return try cosines(p1, t2) + cosines(p2, t1)
}
