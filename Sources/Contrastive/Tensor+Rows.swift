import Torch

extension Tensor {
    /// Rows of a matrix or elements of a vector.
    func rows(_ range: Range<Int>) throws -> Tensor {
        try narrowed(dim: 0, start: range.lowerBound, length: range.count)
    }
}

/// A block of `values` [a] as a column [b, 1].
func column(_ values: Tensor, _ block: Range<Int>) throws -> Tensor {
    try values.rows(block).unsqueezed(dim: 1)
}
