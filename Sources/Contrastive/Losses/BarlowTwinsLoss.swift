import Torch

/// This worker's share of Barlow Twins' loss: the two views' cross-correlation over the batch shall be the identity.
///
///     C = z̃₁ᵀz̃₂/N,   Σᵢ (1 − Cᵢᵢ)²  +  λ·Σ_{i≠j} Cᵢⱼ²
///
/// z̃ is z standardised over the images of all workers, with the biased variance and 1e-5 added to it (batch
/// normalisation without scale and shift). Across workers go means, variances and C, all with gradient: 4D + D² numbers.
///
/// - Parameters:
///   - z1: [n, D], the projections of the first view of this worker's images; z2 of the second.
///   - lambda: λ.
/// - Returns: a scalar.
///
/// Source: Zbontar et al., "Barlow Twins", ICML 2021, equations 1 and 2, and the authors' code,
/// `facebookresearch/barlowtwins` (which does not differentiate through the sum of C over workers).
public func barlowTwins(_ z1: Tensor, _ z2: Tensor, lambda: Double, over workers: any Workers) throws -> Tensor {
    let check = LossCheck("Barlow Twins")
    try check.notNegative(lambda, "lambda")
    try check.images(of: workers, atLeast: 2)
    try check.rows([("z1", z1), ("z2", z2)], over: workers)
    let (count, width) = (Double(workers.imageCount), z1.shape[1])
    let centred = try centredOverWorkers(Tensor.concatenated([z1, z2], dim: 1), over: workers)
    let variance = try workers.sumWithGradient(centred.square().sum(dims: [0])) / count
    let standardised = try centred / (variance + 1e-5).sqrt()
    let first = try standardised.narrowed(dim: 1, start: 0, length: width)
    let second = try standardised.narrowed(dim: 1, start: width, length: width)
    let correlation = try workers.sumWithGradient(first.transposed(0, 1).matmul(second)) / count
    let diagonal = try diagonal(of: correlation)
    let loss = try (1 - diagonal).square().sum() + lambda * (correlation.square().sum() - diagonal.square().sum())
    return try loss * workers.ownFraction
}

/// Rows [n, D] less the mean over the rows of all workers; the gradient flows through the mean.
func centredOverWorkers(_ rows: Tensor, over workers: any Workers) throws -> Tensor {
    try rows - workers.sumWithGradient(rows.sum(dims: [0])) / Double(workers.imageCount)
}

/// The diagonal [D] of a matrix [D, D].
func diagonal(of matrix: Tensor) throws -> Tensor {
    try matrix.gathered(dim: 1, indices: Tensor.arange(matrix.shape[0]).unsqueezed(dim: 1)).flattened()
}
