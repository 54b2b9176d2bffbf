import Torch

/// log Σ_k exp(s(a, k)/τ) of each anchor over keys that every worker has, with s(a, k) = anchors[a] · keys[k]: [a].
///
/// The [a, K] similarities are never held whole: they are computed in blocks, and again in backward.
///
/// - Parameters:
///   - anchors: [a, D]; a may be 0.
///   - keys: [K, D], without gradient.
func similarityLogSumExp(_ name: String, anchors: Tensor, keys: Tensor, temperature: Double) throws -> Tensor {
    let (queries, keys) = (try anchors.detached() / temperature, try keys.detached())
    let softmax = try RunningSoftmax(anchors: anchors.shape[0], anchors.scalarType)
    let blocks = PairBlock.all(anchors: anchors.shape[0], keys: keys.shape[0], elements: defaultPairBlock)
    func logits(_ block: PairBlock) throws -> Tensor {
        try queries.rows(block.anchors).matmul(keys.rows(block.keys).transposed(0, 1))
    }
    return try customFunction(name, inputs: [anchors]) {
        for block in blocks { try softmax.take(logits(block), block.anchors) }
        return [try softmax.normaliser.cloned()]
    } backward: { gradients in
        guard let gradient = gradients[0] else { return [nil] }
        let ofAnchors = try Tensor.zeros(queries.shape, queries.scalarType)
        for block in blocks {
            let shares = try softmax.shares(logits(block), block.anchors)
            try ofAnchors.rows(block.anchors).addInPlace(shares.matmul(keys.rows(block.keys)))
        }
        try ofAnchors.multiplyInPlace(gradient.unsqueezed(dim: 1))
        try ofAnchors.multiplyInPlace(1 / temperature)
        return [ofAnchors]
    }[0]
}
