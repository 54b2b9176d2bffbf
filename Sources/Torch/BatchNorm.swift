import CTorch

/// What batch normalisation gives in training.
public struct BatchNormOutput: Sendable {
    /// In the shape and type of the input, channels last.
    public let output: Tensor
    /// [C], float64, detached: over all workers.
    public let mean: Tensor
    /// [C], float64, detached: biased (divided by `count`), over all workers.
    public let variance: Tensor
    /// The number of values of a channel, over all workers.
    public let count: Double
}

extension Tensor {
    /// Batch normalisation over [N, C] or [N, C, H, W] (float32 or float64) with the statistics of the batch, and the
    /// residual sum and the ReLU that may follow it, as one node of the graph and with no extra pass over memory:
    ///
    ///     x̂ = (x − mean) / √(variance + ε),   output = relu(x̂·weight + bias + residual)
    ///
    /// - Parameters:
    ///   - weight: [C] in the input's type; nil: ones.
    ///   - bias: [C] in the input's type; nil: zeros.
    ///   - residual: in the shape and type of the input; gets its gradient too.
    ///   - reduce: sums a float64 vector in place over all workers, so that the batch is that of all of them together;
    ///     called once in forward with [Σx | Σx² | n] and once in backward with [Σg | Σg·x̂], by each worker, also one
    ///     with an empty part. The parameters' gradients are the sums over this worker's part.
    ///   - parameterGradients: takes the gradients of weight and bias in float64 in place of autograd, which then gets
    ///     none; for a trainer that sums them more exactly than in the parameters' type.
    /// - Throws: `TorchError`; what `reduce` throws, here or out of `backward`.
    ///
    /// Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015.
    public func batchNormTraining(
        weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5, residual: Tensor? = nil,
        relu: Bool = false, reduce: ((Tensor) throws -> Void)? = nil,
        parameterGradients: ((_ ofWeight: Tensor, _ ofBias: Tensor) throws -> Void)? = nil
    ) throws -> BatchNormOutput {
        let name = "batchNormTraining"
        for parameter in [weight, bias] {
            guard let parameter else { continue }
            guard dimensions > 1, parameter.shape == [shape[1]], parameter.scalarType == scalarType else {
                throw TorchError(
                    name, [self, weight, bias, residual],
                    reason: "weight and bias must be vectors of the input's type with one number per channel")
            }
        }
        let node = try withoutGradient {
            try FusedBatchNorm(
                input: self, weight: weight, bias: bias, residual: residual, relu: relu, epsilon: epsilon,
                reduce: reduce, parameterGradients: parameterGradients)
        }
        let inputs = [self, weight, bias, residual].compactMap { $0 }
        let output = try customFunction(name, inputs: inputs, forward: node.forward, backward: node.backward)
        return BatchNormOutput(output: output[0], mean: node.mean, variance: node.variance, count: node.count)
    }

    /// Channels last in memory, without history.
    fileprivate func laidOut() throws -> Tensor {
        try (dimensions == 4 ? channelsLast() : contiguous()).detached()
    }
}

/// One batch normalisation in the graph: what backward needs, and the order of the kernels.
///
/// Kept until backward: the input, vectors [C], and, only where a residual came between normalisation and ReLU, the
/// output; without a residual the ReLU's sign is computed again from the input.
private final class FusedBatchNorm {
    let count: Double
    /// [C] in float64, as all vectors here.
    let mean: Tensor
    let variance: Tensor
    private let inverseDeviation: Tensor
    private let scale: Tensor
    private let shift: Tensor

    private let input: Tensor
    private let inputNeedsGradient: Bool
    private let weight: Tensor?
    private let bias: Tensor?
    private let relu: Bool
    private let reduce: ((Tensor) throws -> Void)?
    private let parameterGradients: ((Tensor, Tensor) throws -> Void)?
    private let hasResidual: Bool
    /// Until forward has run.
    private var residual: Tensor?
    private var output: Tensor?

    init(
        input: Tensor, weight: Tensor?, bias: Tensor?, residual: Tensor?, relu: Bool, epsilon: Double,
        reduce: ((Tensor) throws -> Void)?, parameterGradients: ((Tensor, Tensor) throws -> Void)?
    ) throws {
        self.input = try input.laidOut()
        inputNeedsGradient = input.requiresGradient
        self.weight = weight
        self.bias = bias
        self.residual = residual
        hasResidual = residual != nil
        self.relu = relu
        self.reduce = reduce
        self.parameterGradients = parameterGradients

        let sums = try checked("batchNormTraining", [input]) { [input = self.input] in
            ct_norm_statistics(input.handle)
        }
        try reduce?(sums)
        let channels = input.shape[1]
        count = try sums.selected(dim: 0, index: 2 * channels).item()
        guard count > 0 else { throw TorchError("batchNormTraining", [input], reason: "the batch is empty") }
        mean = try sums.narrowed(dim: 0, start: 0, length: channels) / count
        // Never below 0, whatever rounding does to equal values.
        variance = try (sums.narrowed(dim: 0, start: channels, length: channels) / count - mean.square())
            .clamped(min: 0)
        let inverse = try (variance + epsilon).rsqrt()
        inverseDeviation = inverse
        scale = try weight.map { try $0.detached().converted(to: .float64) * inverse } ?? inverse
        shift = try bias?.detached().converted(to: .float64) ?? Tensor.zeros([channels], .float64)
    }

    func forward() throws -> [Tensor] {
        let result = try checked("batchNormTraining", [input, weight, bias, residual]) {
            ct_norm_forward(
                input.handle, mean.handle, scale.handle, shift.handle, residual?.handle, relu ? 1 : 0)
        }
        // Detached, or the output would hold the graph, and the graph the output.
        if relu && hasResidual { output = try result.detached() }
        residual = nil
        return [result]
    }

    /// With g = the gradient as the ReLU lets it through, and sums over all n values of a channel:
    /// dx = (g − Σg/n − x̂·Σ(g·x̂)/n) · weight / √(variance + ε), residual: g, weight: Σ(g·x̂), bias: Σg.
    func backward(_ gradients: [Tensor?]) throws -> [Tensor?] {
        // libtorch does not run a node whose only output has no gradient.
        guard var passed = try gradients[0]?.laidOut() else { return gradients }
        let channels = mean.count
        let (sums, gated) = try backwardSums(passed)
        if let gated { passed = gated }
        let sumOfGradients = try sums.narrowed(dim: 0, start: 0, length: channels)
        let sumOfProducts = try sums.narrowed(dim: 0, start: channels, length: channels)
        try sumOfProducts.multiplyInPlace(inverseDeviation)
        try parameterGradients?(sumOfProducts, sumOfGradients)
        let toGraph = parameterGradients == nil
        let ofWeight = toGraph ? try weight.map { try sumOfProducts.cloned().converted(to: $0.scalarType) } : nil
        let ofBias = toGraph ? try bias.map { try sumOfGradients.cloned().converted(to: $0.scalarType) } : nil
        try reduce?(sums)

        var result: [Tensor?] = [nil]
        if inputNeedsGradient {
            let offset = try sumOfGradients / count
            let slope = try sumOfProducts * inverseDeviation / count
            // Where an output was kept the gradient has been gated already.
            result[0] = try checked("batchNormTraining backward", [passed, input]) { [passed] in
                ct_norm_backward_input(
                    passed.handle, input.handle, mean.handle, scale.handle, shift.handle, offset.handle, slope.handle,
                    relu && output == nil ? 1 : 0)
            }
        }
        if weight != nil { result.append(ofWeight) }
        if bias != nil { result.append(ofBias) }
        if hasResidual { result.append(passed) }
        return result
    }

    /// [Σg | Σ g·(x − mean)] over this worker's part, and g where an output was kept.
    private func backwardSums(_ gradient: Tensor) throws -> (sums: Tensor, gated: Tensor?) {
        var gated: OpaquePointer?
        let sums = try checked("batchNormTraining backward", [gradient, input]) {
            func run(_ gated: UnsafeMutablePointer<OpaquePointer?>?) -> OpaquePointer? {
                ct_norm_backward_sums(
                    gradient.handle, input.handle, mean.handle, scale.handle, shift.handle, output?.handle,
                    relu ? 1 : 0, gated)
            }
            return output == nil ? run(nil) : run(&gated)
        }
        return (sums, gated.map(Tensor.init(owning:)))
    }
}
