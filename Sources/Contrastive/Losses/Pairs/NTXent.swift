import Torch

/// This worker's share of the normalised temperature-scaled cross-entropy (NT-Xent) of both views of its images against
/// both views of all images:
///
///     Σ_a [ −s(a, p(a))/τ + log Σ_{k ≠ a} exp(s(a, k)/τ) ] / 2N
///
/// Keys are met a tile at a time (`TileRing`) under a running log-sum-exp. Similarities are symmetric, so in backward a
/// worker's anchors get what they are due as keys from the other anchors' normalisers, which travel beside them.
///
/// - Parameters:
///   - first, second: [n, D], unit rows, the two views of this worker's images; n may be 0.
///   - blockElements: how many similarities to hold at a time.
/// - Returns: a scalar; the workers' shares sum to the mean over all 2N views.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, equation 1.
func ntXent(
    _ first: Tensor, _ second: Tensor, temperature: Double, over workers: any Workers,
    blockElements: Int = defaultPairBlock
) throws -> Tensor {
    let anchors = try Tensor.concatenated([first, second], dim: 0)
    let ring = try NTXentRing(
        anchors: anchors.detached(), temperature: temperature, workers: workers, blockElements: blockElements)
    return try customFunction("NT-Xent", inputs: [anchors]) {
        [try ring.forward()]
    } backward: { gradients in
        // Every worker's tile passes through all others, so each takes part whatever its own share was used for.
        [try ring.backward(scale: gradients[0]?.item() ?? 0)]
    }[0]
}

/// One worker's anchors on the ring.
private struct NTXentRing {
    /// [2n, D], view-major.
    private let anchors: Tensor
    /// Anchors divided by τ, whose products with keys are logits.
    private let queries: Tensor
    private let temperature: Double
    private let ring: TileRing
    private let blockElements: Int
    private let softmax: RunningSoftmax

    init(anchors: Tensor, temperature: Double, workers: any Workers, blockElements: Int) throws {
        self.anchors = try anchors.contiguous()
        queries = try self.anchors / temperature
        self.temperature = temperature
        ring = TileRing(workers: workers, rowsPerImage: 2)
        self.blockElements = blockElements
        softmax = try RunningSoftmax(anchors: anchors.shape[0], anchors.scalarType)
    }

    private var width: Int { anchors.shape[1] }
    private var images: Int { anchors.shape[0] / 2 }
    private var anchorCount: Int { 2 * ring.workers.imageCount }

    /// (Σ normalisers − Σ positives) / 2N over this worker's anchors.
    func forward() throws -> Tensor {
        try ring.travel(anchors) { tile in
            for block in blocks(tile) {
                try softmax.take(logits(block, tile.rows.rows(block.keys), isOwn: tile.isOwn), block.anchors)
            }
        }
        let positives = try (half(0) * half(1)).sum() / temperature
        return try (softmax.normaliser.sum() - positives * 2) / Double(anchorCount)
    }

    /// The gradient by this worker's anchors of the sum of each worker's `scale` times its share.
    func backward(scale: Double) throws -> Tensor {
        // Beside the embeddings travel what makes shares of their logits, and the scale of their worker.
        let beside = [
            anchors, try softmax.normaliser.unsqueezed(dim: 1),
            try Tensor.full([anchors.shape[0], 1], scale, anchors.scalarType),
        ]
        let gradient = try Tensor.zeros(anchors.shape, anchors.scalarType)
        try ring.travel(Tensor.concatenated(beside, dim: 1)) { tile in
            let keys = try tile.rows.narrowed(dim: 1, start: 0, length: width)
            let normaliser = try tile.rows.narrowed(dim: 1, start: width, length: 1)
            let theirScale = try tile.rows.selected(dim: 1, index: width + 1).selected(dim: 0, index: 0).item()
            for block in blocks(tile) {
                let keys = try keys.rows(block.keys)
                let logits = try logits(block, keys, isOwn: tile.isOwn)
                let asKeys = try logits - normaliser.rows(block.keys).transposed(0, 1)
                try asKeys.expInPlace()
                let shares = try softmax.shares(logits, block.anchors)
                if scale != 1 { try shares.multiplyInPlace(scale) }
                try shares.addInPlace(asKeys, scale: theirScale)
                try gradient.rows(block.anchors).addInPlace(shares.matmul(keys))
            }
        }
        for (own, other) in [(0, 1), (1, 0)] {
            try gradient.rows(own * images..<(own + 1) * images).addInPlace(half(other), scale: -2 * scale)
        }
        try gradient.multiplyInPlace(1 / temperature / Double(anchorCount))
        return gradient
    }

    private func blocks(_ tile: TileRing.Tile) -> [PairBlock] {
        PairBlock.all(anchors: anchors.shape[0], keys: tile.rows.shape[0], elements: blockElements)
    }

    /// s/τ of a block, −∞ where the key is the anchor itself.
    private func logits(_ block: PairBlock, _ keys: Tensor, isOwn: Bool) throws -> Tensor {
        let logits = try queries.rows(block.anchors).matmul(keys.transposed(0, 1))
        let both = block.anchors.clamped(to: block.keys)
        guard isOwn, !both.isEmpty else { return logits }
        // A view of the diagonal that passes through the block.
        let width = block.keys.count
        let offset = (both.lowerBound - block.anchors.lowerBound) * width + both.lowerBound - block.keys.lowerBound
        try logits.asStrided([both.count], strides: [width + 1], offset: offset).fillInPlace(-.infinity)
        return logits
    }

    private func half(_ view: Int) throws -> Tensor { try anchors.rows(view * images..<(view + 1) * images) }
}
