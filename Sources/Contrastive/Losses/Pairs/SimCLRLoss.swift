import Torch

/// This worker's share of SimCLR's loss: NT-Xent of both views of its images against both views of all images.
///
/// Embeddings of all workers travel round the ring, a worker's tile at a time.
///
/// - Parameters:
///   - first: [n, D] before normalisation, the first view of each of this worker's images.
///   - second: [n, D], the second.
///   - temperature: τ.
///   - blockElements: how many similarities to hold at a time; nil for what suits the machine.
/// - Returns: a scalar; the workers' shares sum to the mean over all 2N views.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, equation 1.
public func simCLR(
    _ first: Tensor, _ second: Tensor, temperature: Double, over workers: any Workers, blockElements: Int? = nil
) throws -> Tensor {
    let check = LossCheck("SimCLR")
    try check.positive(temperature, "temperature")
    try check.images(of: workers)
    try check.rows([("first", first), ("second", second)], over: workers)
    return try ntXent(
        first.l2Normalized(dim: 1), second.l2Normalized(dim: 1), temperature: temperature, over: workers,
        blockElements: blockElements ?? defaultPairBlock)
}
