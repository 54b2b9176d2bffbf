import Torch

/// SwAV's codes: the scores of a batch as soft assignments that use all prototypes alike.
///
/// exp(scores/ε) is scaled, in turns, so that every prototype has the same total over the samples and so that every
/// sample has total 1. All in logarithms, so that no ε overflows. The samples are the rows of all workers and, once, the
/// extra rows. Across workers go two vectors [K] a round. Without gradient.
///
/// - Parameters:
///   - scores: [n, K], cosines of this worker's samples with the prototypes.
///   - extraScores: [L, K], those of a queue's rows, the same on all workers; the workers divide them among themselves.
///   - epsilon: ε; the smaller, the harder the codes.
///   - rounds: at least 1.
/// - Returns: [n, K], rows that sum to 1.
///
/// Source: Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020, and
/// `distributed_sinkhorn` of the authors' code, `facebookresearch/swav`.
public func sinkhornCodes(
    scores: Tensor, extraScores: Tensor? = nil, epsilon: Double, rounds: Int, over workers: any Workers
) throws -> Tensor {
    let check = LossCheck("Sinkhorn codes")
    try check.positive(epsilon, "epsilon")
    guard rounds >= 1 else {
        throw ContrastiveError(.value, in: "Sinkhorn codes", "rounds is \(rounds), it must be at least 1")
    }
    try check.images(of: workers)
    try check.rows([("scores", scores)], over: workers)
    if let extraScores { try check.keys(("extra scores", extraScores), for: ("scores", scores)) }
    return try withoutGradient {
        var rows = [try scores.detached()]
        if let extraScores { rows.append(try ownPart(of: extraScores, workers)) }
        var codes = try Tensor.concatenated(rows, dim: 0) / epsilon
        for _ in 0..<rounds {
            codes = try codes - logSumExpOverSamples(codes, workers)
            codes = try codes.logSoftmax(dim: 1)
        }
        return try codes.narrowed(dim: 0, start: 0, length: scores.shape[0]).exp()
    }
}

/// The rows of `extra` [L, K] that this worker counts.
private func ownPart(of extra: Tensor, _ workers: any Workers) throws -> Tensor {
    let (count, size) = (extra.shape[0], workers.rows.count)
    let start = count * workers.rank / size
    let end = count * (workers.rank + 1) / size
    return try extra.detached().narrowed(dim: 0, start: start, length: end - start)
}

/// log Σ exp over the samples of all workers, [K]: each worker's largest is taken off first.
private func logSumExpOverSamples(_ logits: Tensor, _ workers: any Workers) throws -> Tensor {
    // −∞ on a worker without samples, which adds exp(−∞) = 0 below.
    let own = try logits.logSumExp(dims: [0])
    let largest = try workers.maximum(own)
    return try largest + workers.sum((own - largest).exp()).log()
}
