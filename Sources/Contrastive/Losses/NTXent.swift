import Torch

/// The normalised temperature-scaled cross-entropy (NT-Xent) of one worker's anchors against the keys of all workers:
///
///     Σ_a [ −s(a, p(a))/τ + log Σ_{k ≠ own(a)} exp(s(a, k)/τ) ] / anchorCount,   s(a, k) = anchors[a] · keys[k]
///
/// Each worker divides by the global number of anchors, so that losses, key gradients and parameter gradients **sum**
/// over the workers to those of the whole batch, however unevenly the anchors are shared.
///
/// The similarities are computed in blocks of rows (`overSimilarities`), with a log-sum-exp that subtracts each row's
/// maximum.
///
/// - Parameters:
///   - anchors: [a, D], unit rows; a may be 0.
///   - keys: [K, D], unit rows, all 2N of them; gradient flows to them as to the anchors.
///   - ownKey: [a] int64, the key that is the anchor itself and is left out of its sum.
///   - positiveKey: [a] int64, the key that the anchor shall be near.
///   - anchorCount: 2N, the anchors of all workers together.
///   - blockElements: how many similarities to hold at a time.
/// - Returns: a scalar.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, equation 1.
public func ntXent(
    anchors: Tensor, keys: Tensor, ownKey: Tensor, positiveKey: Tensor, temperature: Double, anchorCount: Int,
    blockElements: Int = defaultSimilarityBlock
) throws -> Tensor {
    let fits =
        anchors.dimensions == 2 && keys.dimensions == 2 && anchors.shape[1] == keys.shape[1]
        && ownKey.shape == [anchors.shape[0]] && positiveKey.shape == [anchors.shape[0]]
    guard fits else {
        throw ContrastiveError(
            .shape, in: "NT-Xent",
            "anchors \(anchors.shape), keys \(keys.shape), own keys \(ownKey.shape) and positives "
                + "\(positiveKey.shape) do not fit; expected [a, D], [K, D], [a], [a]")
    }
    let check = LossCheck("NT-Xent")
    try check.positive(temperature, "temperature")
    guard anchorCount > 0 else {
        throw ContrastiveError(.value, in: "NT-Xent", "the batch has \(anchorCount) anchors, it needs at least 1")
    }
    return try similarityCrossEntropy(
        "NT-Xent", anchors: anchors, keys: keys, positiveKey: positiveKey, ownKey: ownKey, temperature: temperature,
        blockElements: blockElements
    ).sum() / Double(anchorCount)
}
