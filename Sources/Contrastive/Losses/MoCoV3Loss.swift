import Torch

/// This worker's share of MoCo v3's loss: each query against the other view's keys of all images, both ways round, times 2τ.
///
///     2τ · mean_i [ CE(q1ᵢ·K2ᵀ/τ, i) ]  +  2τ · mean_i [ CE(q2ᵢ·K1ᵀ/τ, i) ]
///
/// Across workers go the keys, without gradient.
///
/// - Parameters:
///   - q1: [n, D] before normalisation, the predictions for the first view of this worker's images; q2 for the second.
///   - k1: [n, D] before normalisation, the momentum encoder's keys of the first view; k2 of the second. No gradient.
///   - temperature: τ.
/// - Returns: a scalar.
///
/// Source: Chen et al., "An Empirical Study of Training Self-Supervised Vision Transformers", ICCV 2021, algorithm 1, and
/// the authors' code, `facebookresearch/moco-v3`.
public func mocoV3(
    _ q1: Tensor, _ q2: Tensor, _ k1: Tensor, _ k2: Tensor, temperature: Double, over workers: any Workers
) throws -> Tensor {
    let check = LossCheck("MoCo v3")
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    try check.rows([("q1", q1), ("q2", q2), ("k1", k1), ("k2", k2)], over: workers)
    let width = q1.shape[1]
    let pairs = try workers.gather(
        Tensor.concatenated([k1.detached().l2Normalized(dim: 1), k2.detached().l2Normalized(dim: 1)], dim: 1))
    let positions = try Tensor(workers.ownRows.map { Int64($0) }, shape: [workers.ownRows.count])
    func crossEntropies(_ queries: Tensor, keysFrom start: Int) throws -> Tensor {
        try similarityCrossEntropy(
            "MoCo v3", anchors: queries.l2Normalized(dim: 1),
            keys: pairs.narrowed(dim: 1, start: start, length: width), positiveKey: positions, temperature: temperature
        ).sum()
    }
    return try (crossEntropies(q1, keysFrom: width) + crossEntropies(q2, keysFrom: 0))
        * (2 * temperature / Double(workers.imageCount))
}
