import Torch

/// SimCLR: two augmented views of an image shall have near embeddings, views of different images far ones.
///
///     h = f(x)   encoder      z = g(h)   projector      ẑ = z/‖z‖      loss = NT-Xent(ẑ) over all 2N views
///
/// Batches are view-major: with n images a worker's batch is its n first views, then its n second views, and the 2N keys
/// of all workers are the N first views, then the N second views; row i and row i + N are the views of one image.
///
/// Across workers go all embeddings, with gradient.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020.
public final class SimCLR: Layer {
    public let encoder: any Encoder
    public let projector: Projector
    /// τ.
    public let temperature: Double

    public init(encoder: any Encoder, projector: Projector, temperature: Double) throws {
        guard projector.inputs == encoder.featureDimension else {
            throw ContrastiveError(
                .shape, in: "SimCLR",
                "the projector takes \(projector.inputs) features, the encoder gives \(encoder.featureDimension)")
        }
        guard temperature > 0, temperature.isFinite else {
            throw ContrastiveError(.value, in: "SimCLR", "temperature is \(temperature), it must be above 0")
        }
        self.encoder = encoder
        self.projector = projector
        self.temperature = temperature
    }

    public var children: [(name: String, layer: any Layer)] { [("encoder", encoder), ("projector", projector)] }

    /// Images [n, C, H, W] → embeddings ẑ [n, D] of unit length.
    public func embed(_ images: Tensor, mode: ForwardMode) throws -> Tensor {
        let features = try encoder.forward(images, mode: mode)
        let projections = try projector.forward(features, mode: mode)
        return try projections.l2Normalized(dim: 1)
    }

    /// The same as `embed`.
    public func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        try embed(input, mode: mode)
    }

    /// This worker's share of the loss; the shares of all workers sum to the loss of the global batch.
    ///
    /// - Parameters:
    ///   - embeddings: ẑ [2n, D] of this worker's n images, view-major.
    ///   - keys: ẑ [2N, D] of all images of the step, view-major, gathered with gradient.
    ///   - positions: where in 0..<N each of the n images stands among the keys.
    public func loss(embeddings: Tensor, keys: Tensor, positions: [Int]) throws -> Tensor {
        try Self.loss(embeddings: embeddings, keys: keys, positions: positions, temperature: temperature)
    }

    /// The same for embeddings that come from elsewhere.
    public static func loss(
        embeddings: Tensor, keys: Tensor, positions: [Int], temperature: Double
    ) throws -> Tensor {
        let batch = (keys.shape.first ?? 0) / 2
        guard positions.allSatisfy({ (0..<batch).contains($0) }), embeddings.shape.first == 2 * positions.count else {
            throw ContrastiveError(
                .shape, in: "SimCLR",
                "\(positions.count) positions do not fit embeddings \(embeddings.shape) and keys \(keys.shape)")
        }
        let first = positions.map { Int64($0) }
        let second = positions.map { Int64($0 + batch) }
        let count = 2 * positions.count
        return try ntXent(
            anchors: embeddings, keys: keys, ownKey: Tensor(first + second, shape: [count]),
            positiveKey: Tensor(second + first, shape: [count]), temperature: temperature, anchorCount: 2 * batch)
    }
}
