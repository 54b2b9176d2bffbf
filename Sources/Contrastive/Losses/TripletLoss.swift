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
/// of all other images of all workers. Across workers go all embeddings, with gradient.
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
    over workers: any Workers, blockElements: Int = defaultSimilarityBlock
) throws -> Tensor {
    let check = LossCheck("triplet loss")
    try check.notNegative(margin, "margin")
    try check.images(of: workers, atLeast: 2)
    try check.rows([("first", first), ("second", second)], over: workers)
    let views = try GatheredViews(first, second, over: workers)
    let triplets = try Triplets(views, margin: margin, distance: distance, mining: mining)
    var active = 0.0
    let hinges = try overSimilarities(
        "triplet loss", anchors: views.anchors, keys: views.keys, blockElements: blockElements
    ) { similarities, block in
        let hinges = try triplets.mined(similarities, block).hinges
        active += try triplets.isActive(hinges).sum().item()
        return try hinges.sum(dims: [1])
    } derivative: {
        try triplets.derivative($0, $1)
    }
    guard mining == .all else { return try hinges.sum() / Double(2 * workers.imageCount) }
    let count = try workers.sum(Tensor([active], shape: [1])).item()
    return try hinges.sum() / max(1, count)
}

/// The triplets of blocks of anchors.
private struct Triplets {
    private let views: GatheredViews
    private let margin: Double
    private let distance: TripletDistance
    private let mining: TripletMining
    /// 0..<2N.
    private let columns: Tensor

    init(_ views: GatheredViews, margin: Double, distance: TripletDistance, mining: TripletMining) throws {
        self.views = views
        self.margin = margin
        self.distance = distance
        self.mining = mining
        columns = try Tensor.arange(views.keys.shape[0])
    }

    /// The triplets of a block of anchors: m for each, all 2N where every negative counts, else one.
    struct Mined {
        /// The cosine with the positive: [b, 1].
        let positive: Tensor
        /// The cosines with the negatives: [b, m], −∞ where a key is none.
        let negatives: Tensor
        /// Which key each negative is: [b, 1]; nil where they are all keys in order.
        let key: Tensor?
        /// [b, m]
        let hinges: Tensor
    }

    /// The triplets of the anchors in `block` with the similarities [b, 2N].
    func mined(_ similarities: Tensor, _ block: Range<Int>) throws -> Mined {
        let positive = try similarities.gathered(dim: 1, indices: column(views.positiveKey, block))
        let negatives = try others(similarities, block, fill: -.infinity)
        switch mining {
        case .all: return try mined(positive, negatives, nil)
        case .hard:
            let nearest = try nearest(negatives)
            return try mined(positive, nearest.cosine, nearest.key)
        case .semihard:
            let zero = try Tensor.zeros([], similarities.scalarType)
            let isNearer = try (positive - negatives).relu().equal(zero)
            let farther = try nearest(negatives.maskedFilled(isNearer, -.infinity))
            let farthest = try nearest(-others(similarities, block, fill: .infinity))
            let isNone = try farther.cosine.equal(Tensor.full([], -.infinity, similarities.scalarType))
            return try mined(
                positive, Tensor.where(isNone, -farthest.cosine, farther.cosine),
                Tensor.where(isNone, farthest.key, farther.key))
        }
    }

    /// The derivative of the block's hinges, summed over each anchor's triplets, by the similarities: [b, 2N].
    func derivative(_ similarities: Tensor, _ block: Range<Int>) throws -> Tensor {
        let mined = try mined(similarities, block)
        let active = try isActive(mined.hinges)
        var result = try -(active * distance.slopes(mined.negatives))
        if let key = mined.key {
            result = try Tensor.zeros(similarities.shape, similarities.scalarType)
                .scatterAdded(dim: 1, indices: key, source: result)
        }
        let ofPositive = try active.sum(dims: [1], keepDimensions: true) * distance.slopes(mined.positive)
        return try result.scatterAdded(dim: 1, indices: column(views.positiveKey, block), source: ofPositive)
    }

    /// 1 where a hinge is above 0, else 0.
    func isActive(_ hinges: Tensor) throws -> Tensor {
        try Tensor.ones(hinges.shape, hinges.scalarType)
            .maskedFilled(hinges.equal(Tensor.zeros([], hinges.scalarType)), 0)
    }

    private func mined(_ positive: Tensor, _ negatives: Tensor, _ key: Tensor?) throws -> Mined {
        let hinges = try (distance.distances(positive) + margin - distance.distances(negatives)).relu()
        return Mined(positive: positive, negatives: negatives, key: key, hinges: hinges)
    }

    /// The similarities with `fill` at the two views of the anchor's own image.
    private func others(_ similarities: Tensor, _ block: Range<Int>, fill: Double) throws -> Tensor {
        try similarities
            .maskedFilled(columns.equal(column(views.ownKey, block)), fill)
            .maskedFilled(columns.equal(column(views.positiveKey, block)), fill)
    }

    private func nearest(_ cosines: Tensor) throws -> (cosine: Tensor, key: Tensor) {
        let largest = try cosines.maximum(dim: 1)
        return (try largest.values.unsqueezed(dim: 1), try largest.indices.unsqueezed(dim: 1))
    }
}
