import Torch

/// The cross-entropy of each anchor's softmax over all keys with its positive, in blocks of similarities:
///
///     −s(a, p(a))/τ + log Σ_{k ≠ own(a)} exp(s(a, k)/τ)
///
/// Its derivative by the similarities is (P − Y)/τ, P being the softmax over the row and Y its one-hot positive.
///
/// - Parameters:
///   - positiveKey: [a] int64, p(a).
///   - ownKey: [a] int64, the key left out of an anchor's sum; nil leaves out none.
/// - Returns: [a].
func similarityCrossEntropy(
    _ name: String, anchors: Tensor, keys: Tensor, positiveKey: Tensor, ownKey: Tensor? = nil, temperature: Double,
    blockElements: Int = defaultSimilarityBlock
) throws -> Tensor {
    let columns = try Tensor.arange(keys.shape[0])
    func logits(_ similarities: Tensor, _ block: Range<Int>) throws -> Tensor {
        try similarities.multiplyInPlace(1 / temperature)
        guard let ownKey else { return similarities }
        return try similarities.maskedFilled(columns.equal(column(ownKey, block)), -.infinity)
    }
    return try overSimilarities(name, anchors: anchors, keys: keys, blockElements: blockElements) {
        similarities, block in
        let logits = try logits(similarities, block)
        let positives = try logits.gathered(dim: 1, indices: column(positiveKey, block))
        return try (logits.logSumExp(dims: [1], keepDimensions: true) - positives).flattened()
    } derivative: { similarities, block in
        let difference = try logits(similarities, block).softmax(dim: 1)
        try difference.addInPlace(
            columns.equal(column(positiveKey, block)).converted(to: keys.scalarType), scale: -1)
        try difference.multiplyInPlace(1 / temperature)
        return difference
    }
}

/// log Σ_k exp(s(a, k)/τ) of each anchor over all keys, in blocks of similarities: [a].
func similarityLogSumExp(_ name: String, anchors: Tensor, keys: Tensor, temperature: Double) throws -> Tensor {
    try overSimilarities(name, anchors: anchors, keys: keys) { similarities, _ in
        try similarities.multiplyInPlace(1 / temperature)
        return try similarities.logSumExp(dims: [1])
    } derivative: { similarities, _ in
        try similarities.multiplyInPlace(1 / temperature)
        let shares = try similarities.softmax(dim: 1)
        try shares.multiplyInPlace(1 / temperature)
        return shares
    }
}
