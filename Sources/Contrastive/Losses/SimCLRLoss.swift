import Torch

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
    _ first: Tensor, _ second: Tensor, temperature: Double, over workers: any Workers
) throws -> Tensor {
    let check = LossCheck("SimCLR")
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    try check.rows([("first", first), ("second", second)], over: workers)
    let views = try GatheredViews(first, second, over: workers)
    return try ntXent(
        anchors: views.anchors, keys: views.keys, ownKey: views.ownKey, positiveKey: views.positiveKey,
        temperature: temperature, anchorCount: 2 * workers.imageCount)
}
