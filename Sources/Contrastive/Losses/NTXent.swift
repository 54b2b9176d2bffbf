import Torch

/// The normalised temperature-scaled cross-entropy (NT-Xent) of one worker's anchors against the keys of all workers:
///
///     Σ_a [ −s(a, p(a))/τ + log Σ_{k ≠ own(a)} exp(s(a, k)/τ) ] / anchorCount,   s(a, k) = anchors[a] · keys[k]
///
/// Each worker divides by the global number of anchors, so that losses, key gradients and parameter gradients **sum**
/// over the workers to those of the whole batch, however unevenly the anchors are shared.
///
/// The [a, K] similarities are never held whole: they are computed in blocks of rows, with a log-sum-exp that subtracts
/// each row's maximum, and again in the backward pass. Memory is O((a + K)·D) and one block.
///
/// - Parameters:
///   - anchors: [a, D], unit rows; a may be 0.
///   - keys: [K, D], unit rows, all 2N of them; gradient flows to them as to the anchors.
///   - ownKey: [a] int64, the key that is the anchor itself and is left out of its sum.
///   - positiveKey: [a] int64, the key that the anchor shall be near.
///   - anchorCount: 2N, the anchors of all workers together.
///   - blockElements: how many similarities to hold at a time; the default is 64 MiB of float32.
/// - Returns: a scalar.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, equation 1.
public func ntXent(
    anchors: Tensor, keys: Tensor, ownKey: Tensor, positiveKey: Tensor, temperature: Double, anchorCount: Int,
    blockElements: Int = 1 << 24
) throws -> Tensor {
    let rows = try Similarities(
        anchors: anchors, keys: keys, ownKey: ownKey, positiveKey: positiveKey, temperature: temperature,
        anchorCount: anchorCount, blockElements: blockElements)
    var normalisers: [Tensor] = []
    let loss = try customFunction("NT-Xent", inputs: [anchors, keys]) {
        var losses = [try Tensor.zeros([0], anchors.scalarType)]
        for block in rows.blocks {
            let logits = try rows.logits(block)
            let normaliser = try logits.logSumExp(dims: [1], keepDimensions: true)
            let positive = try logits.gathered(dim: 1, indices: rows.column(positiveKey, block))
            losses.append(try (normaliser - positive).flattened())
            normalisers.append(normaliser)
        }
        return [try Tensor.concatenated(losses, dim: 0).sum() / Double(anchorCount)]
    } backward: { gradients in
        guard let gradient = gradients[0] else { return [nil, nil] }
        return try rows.gradients(normalisers: normalisers, scale: gradient.item() / Double(anchorCount))
    }
    return loss[0]
}

/// The similarities of anchors and keys, a block of rows at a time.
private struct Similarities {
    let anchors: Tensor
    let keys: Tensor
    let ownKey: Tensor
    let positiveKey: Tensor
    let temperature: Double
    let blocks: [Range<Int>]
    /// 0..<K.
    private let columns: Tensor

    init(
        anchors: Tensor, keys: Tensor, ownKey: Tensor, positiveKey: Tensor, temperature: Double, anchorCount: Int,
        blockElements: Int
    ) throws {
        let fits =
            anchors.dimensions == 2 && keys.dimensions == 2 && anchors.shape[1] == keys.shape[1]
            && ownKey.shape == [anchors.shape[0]] && positiveKey.shape == [anchors.shape[0]]
        guard fits else {
            throw ContrastiveError(
                .shape, in: "NT-Xent",
                "anchors \(anchors.shape), keys \(keys.shape), own keys \(ownKey.shape) and positives "
                    + "\(positiveKey.shape) do not fit; expected [a, D], [K, D], [a], [a]")
        }
        guard temperature > 0, temperature.isFinite else {
            throw ContrastiveError(.value, in: "NT-Xent", "temperature is \(temperature), it must be above 0")
        }
        guard anchorCount > 0 else {
            throw ContrastiveError(.value, in: "NT-Xent", "the batch has \(anchorCount) anchors, it needs at least 1")
        }
        self.anchors = try anchors.detached()
        self.keys = try keys.detached()
        self.ownKey = ownKey
        self.positiveKey = positiveKey
        self.temperature = temperature
        columns = try Tensor.arange(keys.shape[0])
        let height = max(1, blockElements / max(1, keys.shape[0]))
        blocks = stride(from: 0, to: anchors.shape[0], by: height).map {
            $0..<min($0 + height, anchors.shape[0])
        }
    }

    /// `indices` of the block's anchors as a column [b, 1].
    func column(_ indices: Tensor, _ block: Range<Int>) throws -> Tensor {
        try indices.narrowed(dim: 0, start: block.lowerBound, length: block.count).unsqueezed(dim: 1)
    }

    func anchors(_ block: Range<Int>) throws -> Tensor {
        try anchors.narrowed(dim: 0, start: block.lowerBound, length: block.count)
    }

    /// s/τ of the block's anchors with all keys, −∞ at the own key: [b, K].
    func logits(_ block: Range<Int>) throws -> Tensor {
        let similarities = try anchors(block).matmul(keys.transposed(0, 1))
        try similarities.multiplyInPlace(1 / temperature)
        return try similarities.maskedFilled(columns.equal(column(ownKey, block)), -.infinity)
    }

    /// The gradients of `scale` · Σ loss with respect to anchors and keys: with P the softmax over a row and Y its one-hot
    /// positive, that of the similarities is (P − Y)/τ.
    func gradients(normalisers: [Tensor], scale: Double) throws -> [Tensor?] {
        var ofAnchors = [try anchors.narrowed(dim: 0, start: 0, length: 0)]
        let ofKeys = try Tensor.zeros(keys.shape, keys.scalarType)
        for (block, normaliser) in zip(blocks, normalisers) {
            let difference = try (logits(block) - normaliser).exp()
            let positives = try columns.equal(column(positiveKey, block)).converted(to: keys.scalarType)
            try difference.addInPlace(positives, scale: -1)
            try difference.multiplyInPlace(scale / temperature)
            ofAnchors.append(try difference.matmul(keys))
            try ofKeys.addInPlace(difference.transposed(0, 1).matmul(anchors(block)))
        }
        return [try Tensor.concatenated(ofAnchors, dim: 0), ofKeys]
    }
}
