import Torch

/// This worker's share of MoCo v3's loss: each query against the other view's keys of all images, both ways round, times 2τ.
///
///     2τ · mean_i [ CE(q1ᵢ·K2ᵀ/τ, i) ]  +  2τ · mean_i [ CE(q2ᵢ·K1ᵀ/τ, i) ]
///
/// The keys of all workers travel round the ring, without gradient.
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
    let queries = [try q1.l2Normalized(dim: 1), try q2.l2Normalized(dim: 1)]
    // The keys of the other view come first: they are the first query's.
    let keys = [try k2.detached().l2Normalized(dim: 1), try k1.detached().l2Normalized(dim: 1)]
    let ring = try MoCoV3Ring(
        queries: queries.map { try $0.detached() }, keys: keys, temperature: temperature, workers: workers)
    return try customFunction("MoCo v3", inputs: queries) {
        [try ring.forward()]
    } backward: { gradients in
        try ring.backward(scale: gradients[0]?.item() ?? 0)
    }[0]
}

/// One worker's queries, whose keys come round the ring.
private struct MoCoV3Ring {
    /// [n, D], unit rows, for each of the two directions.
    private let queries: [Tensor]
    /// [n, D], unit rows, the positives of the queries.
    private let keys: [Tensor]
    private let temperature: Double
    private let ring: TileRing
    private let softmaxes: [RunningSoftmax]

    init(queries: [Tensor], keys: [Tensor], temperature: Double, workers: any Workers) throws {
        self.queries = queries
        self.keys = keys
        self.temperature = temperature
        ring = TileRing(workers: workers, rowsPerImage: 1)
        softmaxes = try queries.map { try RunningSoftmax(anchors: $0.shape[0], $0.scalarType) }
    }

    private var imageCount: Double { Double(ring.workers.imageCount) }

    func forward() throws -> Tensor {
        try travel { direction, block, logits, _ in try softmaxes[direction].take(logits, block) }
        let sums = try queries.indices.map { direction in
            let positives = try (queries[direction] * keys[direction]).sum() / temperature
            return try softmaxes[direction].normaliser.sum() - positives
        }
        return try (sums[0] + sums[1]) * (2 * temperature / imageCount)
    }

    /// The gradient of `scale` times this worker's share by its queries. Keys get none, so nothing comes back.
    func backward(scale: Double) throws -> [Tensor] {
        let gradients = try keys.map { try -$0 }
        try travel { direction, block, logits, keys in
            try gradients[direction].rows(block).addInPlace(softmaxes[direction].shares(logits, block).matmul(keys))
        }
        for gradient in gradients { try gradient.multiplyInPlace(scale * 2 / imageCount) }
        return gradients
    }

    /// By tile, direction and block of pairs: the queries, the logits [b, k], and the keys.
    private func travel(_ visit: (Int, Range<Int>, _ logits: Tensor, _ keys: Tensor) throws -> Void) throws {
        let width = queries[0].shape[1]
        try ring.travel(Tensor.concatenated(keys, dim: 1)) { tile in
            for direction in queries.indices {
                let keys = try tile.rows.narrowed(dim: 1, start: direction * width, length: width)
                for block in PairBlock.all(
                    anchors: queries[0].shape[0], keys: tile.rows.shape[0], elements: defaultPairBlock)
                {
                    let keys = try keys.rows(block.keys)
                    let logits = try queries[direction].rows(block.anchors).matmul(keys.transposed(0, 1))
                    try logits.multiplyInPlace(1 / temperature)
                    try visit(direction, block.anchors, logits, keys)
                }
            }
        }
    }
}
