import Torch

/// This worker's share of DenseCL's loss on feature maps: each cell of the query's map against the cell of the key's map
/// that corresponds to it, and a queue of pooled keys.
///
/// The key's cell that corresponds to a query's cell is the one with the most similar backbone features. The mean is over
/// the N·S cells. Nothing goes across workers.
///
/// - Parameters:
///   - queries: [n, D, S] before normalisation over D, the dense head's projections of S cells of this worker's images.
///   - keys: [n, D, S], those of another view by the momentum encoder; without gradient.
///   - queryFeatures: [n, C, S], the backbone's features of the same cells; without gradient.
///   - keyFeatures: [n, C, S]; without gradient.
///   - queue: [K, D], dense keys of earlier steps averaged over their cells, the same on all workers; without gradient.
///   - temperature: τ.
/// - Returns: a scalar.
///
/// Source: Wang et al., "Dense Contrastive Learning for Self-Supervised Visual Pre-Training", CVPR 2021, equations 2 and
/// 3, and the authors' code, `WXinlong/DenseCL`.
public func denseInfoNCE(
    queries: Tensor, keys: Tensor, queryFeatures: Tensor, keyFeatures: Tensor, queue: Tensor, temperature: Double,
    over workers: any Workers
) throws -> Tensor {
    let place = "dense InfoNCE"
    let check = LossCheck(place)
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    try check.rows([("queries", queries), ("keys", keys)], dimensions: 3, over: workers)
    try check.rows(
        [("query features", queryFeatures), ("key features", keyFeatures)], dimensions: 3, over: workers)
    try check.keys(("queue", queue), for: ("queries", queries))
    let (width, cells) = (queries.shape[1], queries.shape[2])
    guard queryFeatures.shape[2] == cells else {
        throw ContrastiveError(
            .shape, in: place, "queries \(queries.shape) and features \(queryFeatures.shape) differ in cells")
    }
    let matches = try withoutGradient {
        try queryFeatures.detached().l2Normalized(dim: 1).transposed(1, 2)
            .matmul(keyFeatures.detached().l2Normalized(dim: 1)).argmax(dim: 2)
    }
    let matched = try keys.detached().l2Normalized(dim: 1)
        .gathered(dim: 2, indices: matches.unsqueezed(dim: 1).expanded(keys.shape))
    func rows(_ maps: Tensor) throws -> Tensor {
        try maps.transposed(1, 2).reshape([maps.shape[0] * cells, width])
    }
    return try infoNCE(
        rows(queries.l2Normalized(dim: 1)), rows(matched), queue: queue, temperature: temperature
    ).sum() / Double(workers.imageCount * cells)
}
