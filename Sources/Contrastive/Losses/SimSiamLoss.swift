import Torch

/// This worker's share of SimSiam's loss: −½·mean_i cos(p1ᵢ, t2ᵢ) − ½·mean_i cos(p2ᵢ, t1ᵢ).
///
/// Nothing goes across workers.
///
/// - Parameters:
///   - p1: [n, D] before normalisation, the predictions from the first view of this worker's images; p2 from the second.
///   - t1: [n, D] before normalisation, the projections of the first view; t2 of the second. Their gradient is stopped.
/// - Returns: a scalar.
///
/// Source: Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, equation 4.
public func simSiam(
    _ p1: Tensor, _ p2: Tensor, _ t1: Tensor, _ t2: Tensor, over workers: any Workers
) throws -> Tensor {
    try crossedCosines("SimSiam", p1, p2, t1, t2, over: workers) * (-0.5 / Double(workers.imageCount))
}
