import Torch

/// In what precision losses are taken. See `docs/decisions/slice-arithmetic.md`.
extension Tensor {
    /// In float64: the rows that a worker has together would otherwise show in the last bits of their gradients.
    var wide: Tensor { get throws { try converted(to: .float64) } }

    /// For a loss over all pairs of images: in float64 as `wide`, but as it is from 2,048 images on, where the loss would
    /// take a good part of the step's time. What then shows in the last bits is small beside such a batch's sums.
    public func wide(forPairsOf images: Int) throws -> Tensor {
        images < 2048 ? try wide : self
    }
}
