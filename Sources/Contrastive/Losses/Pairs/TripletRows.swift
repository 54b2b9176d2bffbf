import Torch

/// max(0, d(a, p) − d(a, n) + margin) as a function of cosines.
struct TripletHinge {
    let margin: Double
    let distance: TripletDistance

    /// By element; 0 where the cosine with the negative is −∞.
    func values(positive: Tensor, negative: Tensor) throws -> Tensor {
        try (distance.distances(positive) + margin - distance.distances(negative)).relu()
    }

    /// 1 where a hinge is above 0, else 0.
    func isActive(_ hinges: Tensor) throws -> Tensor {
        try Tensor.ones(hinges.shape, hinges.scalarType)
            .maskedFilled(hinges.equal(Tensor.zeros([], hinges.scalarType)), 0)
    }
}

/// One worker's anchors of the triplet loss, which meet the keys of all workers on the ring.
struct TripletRows {
    /// [2n, D], unit rows, view-major.
    let anchors: Tensor
    /// The cosine of each anchor with its positive: [2n].
    let positives: Tensor
    let hinge: TripletHinge
    let ring: TileRing
    private let blockElements: Int
    /// Where among the own tile's rows each anchor is, and the other view of its image: [2n] int64.
    private let (own, partner): (Tensor, Tensor)

    init(anchors: Tensor, hinge: TripletHinge, workers: any Workers, blockElements: Int) throws {
        self.anchors = try anchors.contiguous()
        self.hinge = hinge
        ring = TileRing(workers: workers, rowsPerImage: 2)
        self.blockElements = blockElements
        let images = anchors.shape[0] / 2
        let cosines = try (self.anchors.rows(0..<images) * self.anchors.rows(images..<2 * images)).sum(dims: [1])
        positives = try Tensor.concatenated([cosines, cosines], dim: 0)
        own = try Tensor((0..<2 * images).map { Int64($0) }, shape: [2 * images])
        partner = try Tensor((0..<2 * images).map { Int64(($0 + images) % max(1, 2 * images)) }, shape: [2 * images])
    }

    var count: Int { anchors.shape[0] }
    var type: ScalarType { anchors.scalarType }

    /// Shows `visit` every tile: its embeddings [t, D], and beside them its columns of `beside` [t, C].
    ///
    /// - Parameter beside: [2n, C], what travels with this worker's anchors.
    func travel(
        beside: Tensor? = nil, _ visit: (_ tile: TileRing.Tile, _ keys: Tensor, _ beside: Tensor) throws -> Void
    ) throws {
        let width = anchors.shape[1]
        let whole = try beside.map { try Tensor.concatenated([anchors, $0], dim: 1) } ?? anchors
        try ring.travel(whole) { tile in
            let extra = tile.rows.shape[1] - width
            try visit(
                tile, tile.rows.narrowed(dim: 1, start: 0, length: width),
                tile.rows.narrowed(dim: 1, start: width, length: extra))
        }
    }

    /// The cosines of anchors with a tile's keys [t, D], a block at a time.
    func cosines(_ keys: Tensor, _ visit: (_ block: PairBlock, _ cosines: Tensor) throws -> Void) throws {
        for block in PairBlock.all(anchors: count, keys: keys.shape[0], elements: blockElements) {
            try visit(block, anchors.rows(block.anchors).matmul(keys.rows(block.keys).transposed(0, 1)))
        }
    }

    /// The cosines with `fill` at the two views of the anchor's own image.
    func negatives(
        _ cosines: Tensor, _ block: PairBlock, _ tile: TileRing.Tile, fill: Double = -.infinity
    ) throws -> Tensor {
        guard tile.isOwn else { return cosines }
        let columns = try Tensor(block.keys.map { Int64($0) }, shape: [block.keys.count])
        return
            try cosines
            .maskedFilled(columns.equal(column(own, block.anchors)), fill)
            .maskedFilled(columns.equal(column(partner, block.anchors)), fill)
    }

    /// Adds to `gradient` what the distances of positives give.
    ///
    /// - Parameter counts: [2n], the derivative of the worker's loss by each anchor's distance to its positive.
    func addPositives(to gradient: Tensor, counts: Tensor) throws {
        let factors = try counts * hinge.distance.slopes(positives)
        // An anchor is its positive's positive.
        let both = try factors + factors.indexSelected(dim: 0, indices: partner)
        try gradient.addInPlace(anchors.indexSelected(dim: 0, indices: partner) * both.unsqueezed(dim: 1))
    }
}

/// The triplets that one way of mining takes, of one worker's anchors.
protocol MinedTriplets: AnyObject {
    /// The sum of the hinges: a scalar.
    func forward() throws -> Tensor

    /// What the sum over all workers is divided by, once forward is through; all workers call it.
    func divisor() throws -> Double

    /// The gradient by this worker's anchors of the sum of each worker's `scale` times its hinges: [2n, D].
    func backward(scale: Double) throws -> Tensor
}
