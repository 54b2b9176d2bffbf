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
    ///   - pieces: consecutive rows that cover the batch; sums are taken over each of them and then added as `BinnedSums`,
    ///     so that their bits are those of the pieces, however these are dealt to workers. Nil: over the batch at once.
    ///   - reduce: sums a float64 tensor in place over all workers, so that the batch is that of all of them together;
    ///     called once in forward with [Σx | Σx² | n] and once in backward with [Σg | Σg·x̂], or with their bins, by each
    ///     worker, also one with an empty part. The parameters' gradients are the sums over this worker's part.
    ///   - parameterGradients: takes the gradients of weight and bias in float64 in place of autograd, which then gets
    ///     none; for a trainer that sums them more exactly than in the parameters' type. Called for each piece.
    /// - Throws: `TorchError`; what `reduce` throws, here or out of `backward`.
    ///
    /// Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015.
    public func batchNormTraining(
        weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5, residual: Tensor? = nil,
        relu: Bool = false, pieces: [Range<Int>]? = nil, reduce: ((Tensor) throws -> Void)? = nil,
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
                pieces: pieces, reduce: reduce, parameterGradients: parameterGradients)
        }
        let inputs = [self, weight, bias, residual].compactMap { $0 }
        let output = try customFunction(name, inputs: inputs, forward: node.forward, backward: node.backward)
        return BatchNormOutput(output: output[0], mean: node.mean, variance: node.variance, count: node.count)
    }

    /// Channels last in memory, without history.
    fileprivate func laidOut() throws -> Tensor {
        try (dimensions == 4 ? channelsLast() : contiguous()).detached()
    }

    fileprivate func rows(_ range: Range<Int>) throws -> Tensor {
        try narrowed(dim: 0, start: range.lowerBound, length: range.count)
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
    private let parts: PieceSums
    private let parameterGradients: ((Tensor, Tensor) throws -> Void)?
    private let hasResidual: Bool
    /// Until forward has run.
    private var residual: Tensor?
    private var output: Tensor?

    init(
        input: Tensor, weight: Tensor?, bias: Tensor?, residual: Tensor?, relu: Bool, epsilon: Double,
        pieces: [Range<Int>]?, reduce: ((Tensor) throws -> Void)?,
        parameterGradients: ((Tensor, Tensor) throws -> Void)?
    ) throws {
        guard [2, 4].contains(input.dimensions) else {
            throw TorchError("batchNormTraining", [input], reason: "expected [N, C] or [N, C, H, W]")
        }
        self.input = try input.laidOut()
        inputNeedsGradient = input.requiresGradient
        self.weight = weight
        self.bias = bias
        self.residual = residual
        hasResidual = residual != nil
        self.relu = relu
        self.parameterGradients = parameterGradients
        parts = try PieceSums(rows: input.shape[0], pieces: pieces, reduce: reduce)
        let channels = input.shape[1]
        let sums = try parts.sum(count: 2 * channels + 1) { [input = self.input] rows in
            let own = try input.rows(rows)
            return try checked("batchNormTraining", [own]) { ct_norm_statistics(own.handle) }
        }
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
        guard let upstream = try gradients[0]?.laidOut() else { return gradients }
        let channels = mean.count
        var ofWeight: Tensor?
        var ofBias: Tensor?
        // g of each piece where an output was kept.
        var gated: [Tensor] = []
        let sums = try parts.sum(count: 2 * channels) { rows in
            let sums = try backwardSums(upstream, rows, &gated)
            let ofShift = try sums.narrowed(dim: 0, start: 0, length: channels)
            let ofScale = try sums.narrowed(dim: 0, start: channels, length: channels)
            try ofScale.multiplyInPlace(inverseDeviation)
            if let parameterGradients {
                try parameterGradients(ofScale, ofShift)
            } else {
                ofWeight = try ofWeight.map { try $0 + ofScale } ?? ofScale.cloned()
                ofBias = try ofBias.map { try $0 + ofShift } ?? ofShift.cloned()
            }
            return sums
        }
        let passed =
            try gated.isEmpty ? upstream : gated.count == 1 ? gated[0] : Tensor.concatenated(gated, dim: 0).laidOut()

        var result: [Tensor?] = [nil]
        if inputNeedsGradient {
            let offset = try sums.narrowed(dim: 0, start: 0, length: channels) / count
            let slope = try sums.narrowed(dim: 0, start: channels, length: channels) * inverseDeviation / count
            // Where an output was kept the gradient has been gated already.
            result[0] = try checked("batchNormTraining backward", [passed, input]) {
                ct_norm_backward_input(
                    passed.handle, input.handle, mean.handle, scale.handle, shift.handle, offset.handle, slope.handle,
                    relu && output == nil ? 1 : 0)
            }
        }
        if let weight { result.append(try ofWeight?.converted(to: weight.scalarType)) }
        if let bias { result.append(try ofBias?.converted(to: bias.scalarType)) }
        if hasResidual { result.append(passed) }
        return result
    }

    /// [Σg | Σ g·(x − mean)] over some rows of this worker's part; g itself is appended to `gated` where an output was kept.
    private func backwardSums(_ gradient: Tensor, _ rows: Range<Int>, _ gated: inout [Tensor]) throws -> Tensor {
        let (gradient, input, output) = try (gradient.rows(rows), input.rows(rows), output?.rows(rows))
        var passed: OpaquePointer?
        let sums = try checked("batchNormTraining backward", [gradient, input]) {
            func run(_ passed: UnsafeMutablePointer<OpaquePointer?>?) -> OpaquePointer? {
                ct_norm_backward_sums(
                    gradient.handle, input.handle, mean.handle, scale.handle, shift.handle, output?.handle,
                    relu ? 1 : 0, passed)
            }
            return output == nil ? run(nil) : run(&passed)
        }
        if let passed { gated.append(Tensor(owning: passed)) }
        return sums
    }
}

/// How the sums of a normalisation are taken: over a worker's rows at once, or over pieces of them that are then added
/// so that no order shows.
private struct PieceSums {
    private let rows: Int
    private let pieces: [Range<Int>]?
    private let reduce: ((Tensor) throws -> Void)?

    init(rows: Int, pieces: [Range<Int>]?, reduce: ((Tensor) throws -> Void)?) throws {
        if let pieces {
            let ends = [0] + pieces.map(\.upperBound)
            guard pieces.map(\.lowerBound) == ends.dropLast(), ends.last == rows else {
                throw TorchError("batchNormTraining", [], reason: "pieces \(pieces) do not cover \(rows) rows")
            }
        }
        self.rows = rows
        self.pieces = pieces
        self.reduce = reduce
    }

    /// The sum of `vector`, float64 [count], over all rows of all workers.
    func sum(count: Int, of vector: (Range<Int>) throws -> Tensor) throws -> Tensor {
        guard let pieces else {
            let sums = try vector(0..<rows)
            try reduce?(sums)
            return sums
        }
        let sums = try BinnedSums(count: count)
        for piece in pieces { try sums.add(vector(piece)) }
        try reduce?(sums.bins)
        return try sums.total()
    }
}
