import Torch

/// Which negatives of an anchor count.
public enum TripletMining: String, CaseIterable, Sendable {
    /// All; the loss is the mean over the triplets whose hinge is above 0.
    case all
    /// The nearest; the loss is the mean over the anchors.
    case hard
    /// The nearest that is farther than the positive, or the farthest where none is; the loss is the mean over the
    /// anchors.
    case semihard
}

/// This worker's share of the triplet loss on unit embeddings: max(0, d(a, p) − d(a, n) + margin).
///
/// Anchors are both views of all images, the positive is the other view of the image, and the negatives are both views
/// of all other images of all workers. Embeddings travel round the ring; what an anchor's hinge depends on travels beside it,
/// so that no gradient has to come back.
///
/// - Parameters:
///   - first: [n, D] before normalisation, the first view of each of this worker's images.
///   - second: [n, D], the second.
///   - margin: at least 0.
///   - blockElements: how many similarities to hold at a time.
/// - Returns: a scalar; 0 where no triplet has a hinge above 0.
///
/// Sources: Schroff et al., "FaceNet", CVPR 2015 (semi-hard); Hermans et al., "In Defense of the Triplet Loss for Person
/// Re-Identification", 2017 (batch-all over the triplets above 0, batch-hard).
public func tripletLoss(
    _ first: Tensor, _ second: Tensor, margin: Double, distance: TripletDistance, mining: TripletMining,
    over workers: any Workers, blockElements: Int? = nil
) throws -> Tensor {
    let check = LossCheck("triplet loss")
    try check.notNegative(margin, "margin")
    try check.images(of: workers, atLeast: 2)
    try check.rows([("first", first), ("second", second)], over: workers)
    let anchors = try Tensor.concatenated([first.l2Normalized(dim: 1), second.l2Normalized(dim: 1)], dim: 0)
    let rows = try TripletRows(
        anchors: anchors.detached(), hinge: TripletHinge(margin: margin, distance: distance), workers: workers,
        blockElements: blockElements ?? defaultPairBlock)
    let triplets: any MinedTriplets =
        switch mining {
        case .all: AllTriplets(rows)
        case .hard: try NearestTriplets(rows, farther: false)
        case .semihard: try NearestTriplets(rows, farther: true)
        }
    let sum = try customFunction("triplet loss", inputs: [anchors]) {
        [try triplets.forward()]
    } backward: { gradients in
        [try triplets.backward(scale: gradients[0]?.item() ?? 0)]
    }[0]
    return try sum / triplets.divisor()
}
