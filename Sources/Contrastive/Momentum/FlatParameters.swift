import Torch

/// Parameters side by side in one tensor, so that an operation on all of them is one operation.
///
/// The parameters stay the tensors they were, with shape, layout and identity; only their memory moves. Each begins at a
/// multiple of 64 bytes; the gaps are zeros.
public final class FlatParameters {
    /// All values and the gaps.
    public let values: Tensor
    /// Elements before each parameter begins, and the whole length: what two sets must share to be combined.
    let offsets: [Int]

    /// - Parameter parameters: dense, of one scalar type.
    public init(_ parameters: [Parameter]) throws {
        let type = parameters.first?.tensor.scalarType ?? .float32
        let unit = 64 / type.byteCount
        var offsets = [0]
        for parameter in parameters {
            offsets.append(offsets[offsets.count - 1] + (parameter.tensor.count + unit - 1) / unit * unit)
        }
        self.offsets = offsets
        values = try Tensor.zeros([offsets[offsets.count - 1]], type)
        try withoutGradient {
            for (parameter, offset) in zip(parameters, offsets) {
                let tensor = parameter.tensor
                let place = try values.asStrided(tensor.shape, strides: tensor.strides, offset: offset)
                try place.copyInPlace(from: tensor)
                try tensor.setData(place)
            }
        }
    }
}
