import Torch

/// This worker's share of SwAV's loss: the code of either global crop predicted from every other crop.
///
///     mean over the two codes t, the crops s ≠ t and the N images of  −Σ_k code_t(k) · log softmax(score_s/τ)(k)
///
/// Nothing goes across workers; the codes have seen all of them.
///
/// - Parameters:
///   - scores: of each crop, [n, K], cosines of its unit embeddings with the unit prototypes; the first two crops are the
///     global ones.
///   - codes: of the two global crops, [n, K], from `sinkhornCodes`; without gradient.
///   - temperature: τ.
/// - Returns: a scalar.
///
/// Source: Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020,
/// equations 1 and 2 and `main_swav.py` of the authors' code.
public func swappedPrediction(
    scores: [Tensor], codes: [Tensor], temperature: Double, over workers: any Workers
) throws -> Tensor {
    let place = "swapped prediction"
    let check = LossCheck(place)
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    guard scores.count >= 2, codes.count == 2 else {
        throw ContrastiveError(
            .shape, in: place, "\(scores.count) crops and \(codes.count) codes; expected at least 2 crops and 2 codes")
    }
    try check.rows(
        scores.enumerated().map { ("scores of crop \($0)", $1) } + codes.enumerated().map { ("code \($0)", $1) },
        over: workers)
    let logarithms = try scores.map { try ($0 / temperature).logSoftmax(dim: 1) }
    var sum = try Tensor.zeros([], scores[0].scalarType)
    for (target, code) in codes.enumerated() {
        for (crop, logarithm) in logarithms.enumerated() where crop != target {
            sum = try sum - (code.detached() * logarithm).sum()
        }
    }
    return try sum / Double(codes.count * (scores.count - 1) * workers.imageCount)
}
