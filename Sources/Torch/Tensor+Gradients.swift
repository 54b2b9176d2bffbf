import CTorch

/// Gradients of single operations, for custom functions that are made of them.
extension Tensor {
    /// What a convolution's gradient is taken with respect to.
    public enum ConvolutionOperand: Sendable {
        case input, weight
    }

    /// A gradient of `conv2d` without bias, in the shape of what it is taken with respect to.
    ///
    /// - Parameters:
    ///   - gradient: [N, out, H', W'], of the convolution's output.
    ///   - input: [N, in, H, W].
    ///   - weight: [out, in, kernel, kernel].
    public static func convolutionGradient(
        of operand: ConvolutionOperand, gradient: Tensor, input: Tensor, weight: Tensor, stride: Int, padding: Int
    ) throws -> Tensor {
        try checked("convolutionGradient", [gradient, input, weight]) {
            ct_convolution_gradient(
                gradient.handle, input.handle, weight.handle, stride, padding, operand == .weight ? 1 : 0)
        }
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
