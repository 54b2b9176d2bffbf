import Torch

/// y = x·Wᵀ + b over [N, in].
public final class Linear: Layer {
    /// [out, in].
    public let weight: Tensor
    /// [out], or nil.
    public let bias: Tensor?

    /// Weight and bias are uniform in ±1/√in, PyTorch's default.
    init(_ inputs: Int, _ outputs: Int, bias: Bool, from initializer: inout WeightInitializer) throws {
        let bound = 1 / Double(inputs).squareRoot()
        weight = try initializer.uniform([outputs, inputs], bound: bound)
        self.bias = bias ? try initializer.uniform([outputs], bound: bound) : nil
    }

    /// A linear layer of its own (a probe, a linear head) with weights drawn from `seed`.
    public convenience init(
        inputs: Int, outputs: Int, bias: Bool = true, seed: UInt64, scalarType: ScalarType = .float32
    ) throws {
        var initializer = WeightInitializer(seed: seed, part: .linear, scalarType: scalarType)
        try self.init(inputs, outputs, bias: bias, from: &initializer)
    }

    public var ownParameters: [Parameter] {
        var own = [Parameter(name: "weight", tensor: weight, kind: .weight)]
        if let bias { own.append(Parameter(name: "bias", tensor: bias, kind: .bias)) }
        return own
    }

    /// [N, in] → [N, out].
    public func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        guard let slices = mode.slices else { return try input.linear(weight: weight, bias: bias) }
        let frozen = try weight.detached()
        let product = try slices.apply(
            "linear", input, weight: weight,
            forward: { try $0.linear(weight: frozen) },
            ofInput: { gradient, _ in try gradient.matmul(frozen) },
            ofWeight: { gradient, input in try gradient.transposed(0, 1).matmul(input) })
        guard let bias else { return product }
        let shift = try bias.detached()
        return try slices.apply(
            "bias", product, weight: bias, forward: { try $0 + shift },
            ofInput: { gradient, _ in gradient }, ofWeight: { gradient, _ in try gradient.sum(dims: [0]) })
    }
}
