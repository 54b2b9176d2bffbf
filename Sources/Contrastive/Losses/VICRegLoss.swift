import Torch

/// This worker's share of VICReg's loss: the views of an image alike, every dimension spread, dimensions uncorrelated.
///
///     invariance:  mean over images and dimensions of (z1 − z2)²
///     variance:    mean_d max(0, 1 − √(Var_d + 1e-4)) / 2, summed over the views
///     covariance:  Σ_{i≠j} Cov(i, j)² / D, summed over the views
///
/// Variances and covariances are over the images of all workers, with N − 1. Across workers go means and covariances,
/// with gradient: 2D + 2D² numbers.
///
/// - Parameters:
///   - z1: [n, D], the projections of the first view of this worker's images; z2 of the second.
///   - invariance, variance, covariance: the terms' weights; the paper's are 25, 25 and 1.
/// - Returns: a scalar.
///
/// Source: Bardes et al., "VICReg", ICLR 2022, equations 1 to 6, and the authors' code, `facebookresearch/vicreg`.
public func vicReg(
    _ z1: Tensor, _ z2: Tensor, invariance: Double = 25, variance: Double = 25, covariance: Double = 1,
    over workers: any Workers
) throws -> Tensor {
    let check = LossCheck("VICReg")
    for (name, weight) in [("invariance", invariance), ("variance", variance), ("covariance", covariance)] {
        try check.notNegative(weight, name)
    }
    try check.images(of: workers, atLeast: 2)
    try check.rows([("z1", z1), ("z2", z2)], over: workers)
    let (count, width) = (Double(workers.imageCount), Double(z1.shape[1]))
    let distance = try (z1 - z2).square().sum() / (count * width)

    let centred = try centredOverWorkers(Tensor.stacked([z1, z2], dim: 1), over: workers).transposed(0, 1)
    let products = try workers.sumWithGradient(centred.transposed(1, 2).matmul(centred))
    var terms = try Tensor.zeros([], z1.scalarType)
    for view in 0..<2 {
        let matrix = try products.selected(dim: 0, index: view) / (count - 1)
        let variances = try diagonal(of: matrix)
        let spread = try (1 - (variances + 1e-4).sqrt()).relu().mean() / 2
        let offDiagonal = try (matrix.square().sum() - variances.square().sum()) / width
        terms = try terms + variance * spread + covariance * offDiagonal
    }
    return try invariance * distance + terms * workers.ownFraction
}
