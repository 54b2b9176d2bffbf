import Torch

/// This worker's share of NT-Xent, its keys met a tile at a time: no worker ever holds more keys than its own, one tile,
/// and one tile on its way.
///
/// A tile is the 2n views of one worker. Tiles travel round the ring under a running log-sum-exp; each leaves for the next
/// worker before its own arithmetic begins, so that it travels behind it. Backward computes the similarities again, and a
/// tile's gradient travels one step behind its tile until it is home.
///
/// - Parameters:
///   - first, second: [n, D], unit rows, the two views of this worker's images; n may be 0.
///   - blockElements: how many similarities to hold at a time; 16 MiB of float32.
/// - Returns: a scalar; the workers' shares sum to the mean over all 2N views.
///
/// Sources: Chen et al., ICML 2020, equation 1; the ring as in Cheng et al., "Breaking the Memory Barrier: Near Infinite
/// Batch Size Scaling for Contrastive Loss", 2024, without its hierarchy of levels.
func ringNTXent(
    _ first: Tensor, _ second: Tensor, temperature: Double, over workers: any Workers, blockElements: Int = 1 << 22
) throws -> Tensor {
    let anchors = try Tensor.concatenated([first, second], dim: 0)
    let ring = try NTXentRing(
        anchors: anchors.detached(), temperature: temperature, workers: workers, blockElements: blockElements)
    return try customFunction("ring NT-Xent", inputs: [anchors]) {
        [try ring.forward()]
    } backward: { gradients in
        // Every worker's tile passes through all others, so each takes part whatever its own share was used for.
        [try ring.backward(scale: gradients[0]?.item() ?? 0)]
    }[0]
}

/// One worker's part of the ring: its anchors, and the normaliser of each once forward is through.
private final class NTXentRing {
    /// [2n, D], view-major.
    private let anchors: Tensor
    private let temperature: Double
    private let workers: any Workers
    private let blockElements: Int
    /// log Σ exp over all keys but the own one: [2n].
    private var normaliser: Tensor

    init(anchors: Tensor, temperature: Double, workers: any Workers, blockElements: Int) throws {
        self.anchors = try anchors.contiguous()
        self.temperature = temperature
        self.workers = workers
        self.blockElements = blockElements
        normaliser = try Tensor.full([anchors.shape[0]], -.infinity, anchors.scalarType)
    }

    private var images: Int { anchors.shape[0] / 2 }

    /// (Σ normalisers − Σ positives) / 2N over this worker's anchors.
    func forward() throws -> Tensor {
        try travel { tile, isOwn in
            guard tile.shape[0] > 0 else { return }
            for block in blocks(for: tile) {
                let part = try logits(block, tile, isOwn).logSumExp(dims: [1])
                let place = try rows(normaliser, block)
                try place.copyInPlace(from: Tensor.stacked([place, part], dim: 0).logSumExp(dims: [0]))
            }
        }
        let positives = try (half(0) * half(1)).sum() / temperature
        return try (normaliser.sum() - positives * 2) / Double(2 * workers.imageCount)
    }

    /// The gradient of `scale` times the global loss by this worker's anchors.
    func backward(scale: Double) throws -> Tensor {
        let factor = scale / temperature / Double(2 * workers.imageCount)
        let ofAnchors = try Tensor.zeros(anchors.shape, anchors.scalarType)
        /// Of the tile before this one, on its way behind it.
        var ofLast: Tensor?
        func passOnLast() throws { if let ofLast { try workers.passOn(ofLast) } }
        try travel(beforeTile: passOnLast) { tile, isOwn in
            let ofTile = try Tensor.zeros(tile.shape, tile.scalarType)
            for block in tile.shape[0] > 0 ? blocks(for: tile) : [] {
                let shares = try (logits(block, tile, isOwn) - rows(normaliser, block).unsqueezed(dim: 1)).exp()
                try shares.multiplyInPlace(factor)
                try rows(ofAnchors, block).addInPlace(shares.matmul(tile))
                try ofTile.addInPlace(shares.transposed(0, 1).matmul(rows(anchors, block)))
            }
            // What the workers before this one gave to the tile arrives a step behind it.
            if !isOwn { try ofTile.addInPlace(workers.receive(tile.shape, tile.scalarType)) }
            ofLast = ofTile
        }
        try passOnLast()
        try ofAnchors.addInPlace(workers.receive(anchors.shape, anchors.scalarType))
        try workers.settle()
        for (own, other) in [(0, 1), (1, 0)] {
            try ofAnchors.narrowed(dim: 0, start: own * images, length: images)
                .addInPlace(half(other), scale: -2 * factor)
        }
        return ofAnchors
    }

    /// Shows `visit` every worker's tile, the own one first.
    ///
    /// - Parameter beforeTile: called before a tile leaves; what it passes on, `visit` of the next step has to receive.
    private func travel(
        beforeTile: () throws -> Void = {}, _ visit: (_ tile: Tensor, _ isOwn: Bool) throws -> Void
    ) throws {
        let count = workers.rows.count
        var (tile, owner) = (anchors, workers.rank)
        for step in 0..<count {
            let isLast = step == count - 1
            if step > 0 { try beforeTile() }
            if !isLast { try workers.passOn(tile) }
            try visit(tile, step == 0)
            if !isLast {
                owner = (owner + count - 1) % count
                tile = try workers.receive([2 * workers.rows[owner], anchors.shape[1]], anchors.scalarType)
            }
            try workers.settle()
        }
    }

    private func blocks(for tile: Tensor) -> [Range<Int>] {
        let count = anchors.shape[0]
        let height = max(1, blockElements / tile.shape[0])
        return stride(from: 0, to: count, by: height).map { $0..<min($0 + height, count) }
    }

    /// s/τ of a block of anchors with a tile, −∞ where the key is the anchor itself: [b, 2n of the tile's worker].
    private func logits(_ block: Range<Int>, _ tile: Tensor, _ isOwn: Bool) throws -> Tensor {
        let similarities = try rows(anchors, block).matmul(tile.transposed(0, 1))
        try similarities.multiplyInPlace(1 / temperature)
        guard isOwn else { return similarities }
        // A view of the diagonal that passes through the block.
        let width = tile.shape[0]
        try similarities.asStrided([block.count], strides: [width + 1], offset: block.lowerBound)
            .fillInPlace(-.infinity)
        return similarities
    }

    private func rows(_ tensor: Tensor, _ block: Range<Int>) throws -> Tensor {
        try tensor.narrowed(dim: 0, start: block.lowerBound, length: block.count)
    }

    private func half(_ view: Int) throws -> Tensor {
        try anchors.narrowed(dim: 0, start: view * images, length: images)
    }
}
