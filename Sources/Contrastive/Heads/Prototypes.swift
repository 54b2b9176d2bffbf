import Torch

/// K directions that embeddings are compared with: scores ẑ·ĉᵏ in −1…1, for clustering methods.
///
/// Rows are kept at unit length by `normalize()`, called after every step, as in SwAV's code; the gradient is that of the
/// rows as they are.
///
/// Source: Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020.
public final class Prototypes: Layer {
    private let linear: Linear
    public var count: Int { linear.weight.shape[0] }
    /// [K, D].
    public var directions: Tensor { linear.weight }

    /// - Parameter head: which of a model's sets of prototypes this is; each has weights of its own.
    public init(
        dimension: Int, count: Int, head: Int = 0, seed: UInt64, scalarType: ScalarType = .float32
    ) throws {
        guard dimension > 0, count > 0 else {
            throw ContrastiveError(
                .value, in: "prototypes", "\(count) of dimension \(dimension), both must be positive")
        }
        var initializer = WeightInitializer(seed: seed, part: .prototypes(head: head), scalarType: scalarType)
        linear = try Linear(dimension, count, bias: false, from: &initializer)
        try normalize()
    }

    public var ownParameters: [Parameter] { linear.ownParameters }

    /// Embeddings [N, D] → scores [N, K].
    public func forward(_ embeddings: Tensor, mode: ForwardMode) throws -> Tensor {
        try linear.forward(embeddings.l2Normalized(dim: 1), mode: mode)
    }

    /// Brings every row to unit length.
    public func normalize() throws { try replace(by: directions.detached()) }

    /// Takes `directions` [K, D] as the rows, at unit length.
    public func replace(by directions: Tensor) throws {
        try withoutGradient { try linear.weight.copyInPlace(from: directions.l2Normalized(dim: 1)) }
    }
}
