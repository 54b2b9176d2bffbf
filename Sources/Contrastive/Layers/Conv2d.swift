import Torch

/// A convolution over [N, C, H, W] without bias (batch normalisation follows it), channels last in memory.
public final class Conv2d: Layer {
    /// [out, in, kernel, kernel].
    public let weight: Tensor
    public let stride: Int
    public let padding: Int

    /// Weights are normal with variance 2 / (out · kernel²), He's initialisation by fan-out, as in torchvision's ResNet.
    ///
    /// Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        from initializer: inout WeightInitializer
    ) throws {
        let fanOut = Double(outputs * kernel * kernel)
        weight = try initializer.normal(
            [outputs, inputs, kernel, kernel], standardDeviation: (2 / fanOut).squareRoot())
        self.stride = stride
        self.padding = padding
    }

    public var ownParameters: [Parameter] { [Parameter(name: "weight", tensor: weight, kind: .weight)] }

    /// [N, in, H, W] → [N, out, H', W'].
    public func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        // A worker without an image runs along for the sake of the statistics' sums; libtorch 1.13 refuses an empty batch
        // with channels last.
        if input.shape.first == 0 {
            return try input.contiguous().conv2d(weight: weight.contiguous(), stride: stride, padding: padding)
        }
        guard let slices = mode.slices else {
            return try input.conv2d(weight: weight, stride: stride, padding: padding)
        }
        let (stride, padding) = (stride, padding)
        let frozen = try weight.detached()
        func gradient(of operand: Tensor.ConvolutionOperand) -> (Tensor, Tensor) throws -> Tensor {
            { gradient, input in
                try Tensor.convolutionGradient(
                    of: operand, gradient: gradient, input: input, weight: frozen, stride: stride, padding: padding)
            }
        }
        return try slices.apply(
            "conv2d", input, weight: weight,
            forward: { try $0.conv2d(weight: frozen, stride: stride, padding: padding) },
            ofInput: gradient(of: .input), ofWeight: gradient(of: .weight))
    }
}
