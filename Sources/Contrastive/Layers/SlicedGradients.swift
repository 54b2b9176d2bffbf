import Torch

/// Takes the gradients of parameters in place of autograd.
public protocol GradientAccumulator: AnyObject {
    /// Announces, while forward runs, that backward will add `count` more gradients to `parameter`, if it reaches that
    /// part of the graph at all.
    func expect(_ count: Int, for parameter: Tensor)

    /// Adds `gradient` (float32 or float64, of the parameter's shape) to what `parameter` has so far.
    func add(_ gradient: Tensor, to parameter: Tensor) throws
}

/// How a batch is made of slices, for arithmetic that does not depend on which slices stand in a batch together.
///
/// Libraries choose the order of their sums by the size of the batch, so a gradient over a worker's whole batch differs
/// in its last bits with the number of workers, and training amplifies that. With slices every product of matrices runs
/// over one slice at a time, a size that the configuration fixes, and the slices' gradients go to an accumulator that
/// sums them exactly.
public struct SlicedGradients {
    /// Consecutive rows of the batch, one range for each slice, covering it whole.
    public let rows: [Range<Int>]
    public let accumulator: any GradientAccumulator
    /// Takes what backward may do later; nil: it does all of it at once.
    public let postponed: PostponedGradients?

    public init(
        rows: [Range<Int>], accumulator: any GradientAccumulator, postponed: PostponedGradients? = nil
    ) {
        self.rows = rows
        self.accumulator = accumulator
        self.postponed = postponed
    }

    /// One node of the graph that applies `forward` to each slice of `input` [N, …] and joins the results.
    ///
    /// The input may have several rows for each of the batch's (the cells of feature maps), in the batch's order.
    ///
    /// - Parameters:
    ///   - forward: rows of the input → rows of the output.
    ///   - ofInput: gradient of such rows and the input's rows → gradient of the input's rows.
    ///   - ofWeight: the same → gradient of the weight.
    func apply(
        _ name: String, _ input: Tensor, weight: Tensor, forward: (Tensor) throws -> Tensor,
        ofInput: @escaping (_ gradient: Tensor, _ input: Tensor) throws -> Tensor,
        ofWeight: @escaping (_ gradient: Tensor, _ input: Tensor) throws -> Tensor
    ) throws -> Tensor {
        let rows = try ranges(of: input, name)
        let needsInput = input.requiresGradient
        let frozen = try input.detached()
        let output = try customFunction(
            name, inputs: [input, weight],
            forward: { try [join(frozen, rows) { part, _ in try forward(part) }] },
            backward: { gradients in
                guard let gradient = gradients[0] else { return [nil, nil] }
                let addToWeight = { [accumulator] in
                    for range in rows {
                        try accumulator.add(ofWeight(gradient.rows(range), frozen.rows(range)), to: weight)
                    }
                }
                let passedOn =
                    needsInput
                    ? try join(gradient, rows) { part, range in try ofInput(part, frozen.rows(range)) } : nil
                // Where no gradient goes on from here nothing is left of backward that could wait for others.
                if needsInput, let postponed { try postponed.postpone(addToWeight) } else { try addToWeight() }
                return [passedOn, nil]
            })[0]
        // A pass without gradient leaves no node behind.
        if output.requiresGradient { accumulator.expect(rows.count, for: weight) }
        return output
    }

    /// The slices as ranges of the input's rows.
    private func ranges(of input: Tensor, _ name: String) throws -> [Range<Int>] {
        let (batch, height) = (rows.last?.upperBound ?? 0, input.shape.first ?? 0)
        if batch == height { return rows }
        guard batch > 0, height % batch == 0 else {
            throw ContrastiveError(.shape, in: name, "slices \(rows) do not cover a batch of shape \(input.shape)")
        }
        let each = height / batch
        return rows.map { $0.lowerBound * each..<$0.upperBound * each }
    }

    /// `body` of each slice's rows, put together again.
    private func join(
        _ input: Tensor, _ rows: [Range<Int>], _ body: (_ part: Tensor, _ rows: Range<Int>) throws -> Tensor
    ) throws -> Tensor {
        guard rows.count > 1 else { return try body(input, 0..<input.shape[0]) }
        var whole: Tensor?
        for range in rows {
            let part = try body(input.rows(range), range)
            let output =
                try whole
                ?? Tensor.empty(
                    [input.shape[0]] + part.shape.dropFirst(), part.scalarType, channelsLast: part.dimensions == 4)
            try output.rows(range).copyInPlace(from: part)
            whole = output
        }
        return whole ?? input
    }
}
