import Torch

/// What an image without a cluster has in place of its number; PyTorch's `ignore_index`.
public let unassigned: Int64 = -100

/// This worker's share of DeepCluster-v2's loss for one head: every crop is to be classified as its image's cluster.
///
/// The mean over crops and assigned images of all workers of −log softmax(score/τ)(cluster); 0 where none is assigned.
///
/// - Parameters:
///   - scores: of each crop, [n, K], cosines of its unit embeddings with the unit centroids.
///   - assignments: [n] int64, each image's cluster in 0..<K, or `unassigned`, which leaves the image out.
///   - temperature: τ.
/// - Returns: a scalar.
///
/// Source: Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020,
/// appendix, and `main_deepclusterv2.py` of the authors' code.
public func clusterCrossEntropy(
    scores: [Tensor], assignments: Tensor, temperature: Double, over workers: any Workers
) throws -> Tensor {
    let place = "cluster cross-entropy"
    let check = LossCheck(place)
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    guard !scores.isEmpty else { throw ContrastiveError(.shape, in: place, "there are no crops") }
    try check.rows(scores.enumerated().map { ("scores of crop \($0)", $1) }, over: workers)
    guard assignments.shape == [scores[0].shape[0]], assignments.scalarType == .int64 else {
        throw ContrastiveError(
            .shape, in: place,
            "assignments are \(assignments.scalarType) \(assignments.shape), expected int64 [\(scores[0].shape[0])]")
    }
    let clusters = try assignments.int64s()
    let range = 0..<Int64(scores[0].shape[1])
    if let wrong = clusters.first(where: { $0 != unassigned && !range.contains($0) }) {
        throw ContrastiveError(
            .value, in: place, "cluster \(wrong) is assigned, of \(range.upperBound) (\(unassigned) is none)")
    }
    let assigned = clusters.indices.filter { clusters[$0] != unassigned }
    let count = try workers.sum(Tensor([Double(assigned.count)], shape: [1])).item()
    let rows = try Tensor(assigned.map { Int64($0) }, shape: [assigned.count])
    let targets = try Tensor(assigned.map { clusters[$0] }, shape: [assigned.count, 1])
    var sum = try Tensor.zeros([], scores[0].scalarType)
    for crop in scores {
        let logarithms = try (crop.indexSelected(dim: 0, indices: rows) / temperature).logSoftmax(dim: 1)
        sum = try sum - logarithms.gathered(dim: 1, indices: targets).sum()
    }
    return try sum / (Double(scores.count) * max(1, count))
}
