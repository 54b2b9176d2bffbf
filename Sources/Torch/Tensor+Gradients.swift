import CTorch

/// Gradients of single operations, for custom functions that are made of them.
extension Tensor {
    /// The gradients of `conv2d` without bias: with respect to its input, where `needsInput`, and to its weight.
    ///
    /// - Parameters:
    ///   - gradient: [N, out, H', W'], of the convolution's output.
    ///   - input: [N, in, H, W].
    ///   - weight: [out, in, kernel, kernel].
    public static func convolutionBackward(
        gradient: Tensor, input: Tensor, weight: Tensor, stride: Int, padding: Int, needsInput: Bool
    ) throws -> (input: Tensor?, weight: Tensor) {
        let (ofInput, ofWeight) = try checkedPair("convolutionBackward", [gradient, input, weight]) {
            ct_convolution_backward(
                gradient.handle, input.handle, weight.handle, stride, padding, needsInput ? 1 : 0, $0, $1)
        }
        return (needsInput ? ofInput : nil, ofWeight)
    }

    /// Adds `gradient` to this float64 tensor of the same shape, each addend first rounded to a multiple of `quantum`.
    ///
    /// Sums of multiples of a power of two are exact in float64 as long as they stay below 2⁵³ of them; such a sum does
    /// not depend on the order of its addends.
    ///
    /// - Parameter quantum: a power of two.
    public func addInPlace(_ gradient: Tensor, roundedTo quantum: Double) throws {
        try check("addInPlace(roundedTo:)", [self, gradient]) { ct_add_rounded(handle, gradient.handle, quantum) }
    }
}
