import Torch

/// log Σ_k exp(s(a, k)/τ) of each anchor over keys that every worker has, with s(a, k) = anchors[a] · keys[k]: [a].
///
/// The [a, K] similarities are never held whole: they are computed in blocks of anchors, and again in backward.
///
/// - Parameters:
///   - anchors: [a, D]; a may be 0.
///   - keys: [K, D], without gradient.
func similarityLogSumExp(_ name: String, anchors: Tensor, keys: Tensor, temperature: Double) throws -> Tensor {
    let (queries, keys) = (try anchors.detached() / temperature, try keys.detached())
    let softmax = try RunningSoftmax(anchors: anchors.shape[0], anchors.scalarType)
    let blocks = anchorBlocks(anchors.shape[0], keys: keys.shape[0], elements: 1 << 24)
    func logits(_ block: Range<Int>) throws -> Tensor { try queries.rows(block).matmul(keys.transposed(0, 1)) }
    return try customFunction(name, inputs: [anchors]) {
        for block in blocks { try softmax.take(logits(block), block) }
        return [try softmax.normaliser.cloned()]
    } backward: { gradients in
        guard let gradient = gradients[0] else { return [nil] }
        let parts = try blocks.map { block in
            let shares = try softmax.shares(logits(block), block)
            try shares.multiplyInPlace(column(gradient, block))
            return try shares.matmul(keys)
        }
        let ofAnchors = try Tensor.concatenated([queries.rows(0..<0)] + parts, dim: 0)
        try ofAnchors.multiplyInPlace(1 / temperature)
        return [ofAnchors]
    }[0]
}
