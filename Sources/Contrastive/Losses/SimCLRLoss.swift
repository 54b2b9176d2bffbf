import Torch

/// How the keys of other workers are met.
public enum KeyExchange: Sendable {
    /// All of them are gathered: O(N·D) memory on every worker.
    case gathered
    /// They travel round the ring, a worker's tile at a time: O(N·D / workers).
    case ring
    /// Round the ring where gathered keys would be larger than 32 MiB.
    case automatic

    func isRing(keyBytes: Int, workers: Int) -> Bool {
        switch self {
        case .gathered: false
        case .ring: true
        case .automatic: workers > 1 && keyBytes > 32 << 20
        }
    }
}

/// This worker's share of SimCLR's loss: NT-Xent of both views of its images against both views of all images.
///
/// Across workers go all embeddings, with gradient.
///
/// - Parameters:
///   - first: [n, D] before normalisation, the first view of each of this worker's images.
///   - second: [n, D], the second.
///   - temperature: τ.
/// - Returns: a scalar; the workers' shares sum to the mean over all 2N views.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, equation 1.
public func simCLR(
    _ first: Tensor, _ second: Tensor, temperature: Double, keys: KeyExchange = .automatic, over workers: any Workers
) throws -> Tensor {
    let check = LossCheck("SimCLR")
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    try check.rows([("first", first), ("second", second)], over: workers)
    let keyBytes = 2 * workers.imageCount * first.shape[1] * first.scalarType.byteCount
    if keys.isRing(keyBytes: keyBytes, workers: workers.rows.count) {
        return try ringNTXent(
            first.l2Normalized(dim: 1), second.l2Normalized(dim: 1), temperature: temperature, over: workers)
    }
    let views = try GatheredViews(first, second, over: workers)
    return try ntXent(
        anchors: views.anchors, keys: views.keys, ownKey: views.ownKey, positiveKey: views.positiveKey,
        temperature: temperature, anchorCount: 2 * workers.imageCount)
}
