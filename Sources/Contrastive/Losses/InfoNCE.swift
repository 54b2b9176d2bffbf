import Torch

/// This worker's share of the InfoNCE of MoCo v1 and v2: each query against the key of its own image and a queue.
///
///     −q·k⁺/τ + log( exp(q·k⁺/τ) + Σ_j exp(q·queue_j/τ) ),   mean over the N queries
///
/// Nothing goes across workers.
///
/// - Parameters:
///   - queries: [n, D] before normalisation, of this worker's images.
///   - keys: [n, D] before normalisation, of another view of the same images by the momentum encoder; without gradient.
///   - queue: [K, D], keys of earlier steps, the same on all workers; without gradient.
///   - temperature: τ.
/// - Returns: a scalar.
///
/// Source: He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020, equation 1.
public func infoNCE(
    queries: Tensor, keys: Tensor, queue: Tensor, temperature: Double, over workers: any Workers
) throws -> Tensor {
    let check = LossCheck("InfoNCE")
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    try check.rows([("queries", queries), ("keys", keys)], over: workers)
    try check.keys(("queue", queue), for: ("queries", queries))
    return try infoNCE(
        queries.l2Normalized(dim: 1), keys.detached().l2Normalized(dim: 1), queue: queue, temperature: temperature
    ).sum() / Double(workers.imageCount)
}

/// InfoNCE of each unit query [a, D] with its unit key [a, D] against the queue [K, D]: [a].
func infoNCE(_ queries: Tensor, _ keys: Tensor, queue: Tensor, temperature: Double) throws -> Tensor {
    let positives = try (queries * keys).sum(dims: [1]) / temperature
    let negatives = try similarityLogSumExp(
        "InfoNCE", anchors: queries, keys: queue.detached().l2Normalized(dim: 1), temperature: temperature)
    return try Tensor.stacked([positives, negatives], dim: 1).logSumExp(dims: [1]) - positives
}
