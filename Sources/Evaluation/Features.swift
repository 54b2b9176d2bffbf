import Contrastive
import Torch

/// Runs `model` in inference mode over the batches that `nextBatch` gives until it gives nil.
///
/// Batches are [n, C, H, W], n may vary and be 0; at most one batch and the features are held at a time.
///
/// - Returns: the features of all images in order, [Σn, d].
/// - Throws: what `nextBatch` and the model throw; `EvaluationError` when there was no batch at all.
public func extractFeatures(
    with model: some Layer, nextBatch: () throws -> Tensor?
) throws -> Tensor {
    var features: [Tensor] = []
    try withoutGradient {
        while let batch = try nextBatch() {
            features.append(try model.forward(batch, mode: .inference))
        }
    }
    guard !features.isEmpty else {
        throw EvaluationError(in: "features", "there is no image to run the encoder on")
    }
    return try Tensor.concatenated(features, dim: 0)
}
