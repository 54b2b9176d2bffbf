import Torch

/// Batch normalisation over [N, C, H, W] (each channel over N, H and W) or [N, C], optionally with the residual sum and
/// the ReLU that follow it in one pass.
///
/// Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015; names, ε and running statistics as in PyTorch.
public final class BatchNorm: Layer {
    /// Which of scale γ and shift β a normalisation learns.
    public enum Affine: Sendable, Hashable, CaseIterable {
        case none
        /// γ alone, as in the last layer of SimCLR's projection head.
        case scale
        case scaleAndShift
    }

    /// γ [C], from 1, or nil.
    public let weight: Tensor?
    /// β [C], from 0, or nil.
    public let bias: Tensor?
    /// [C], from 0.
    public let runningMean: Tensor
    /// [C], unbiased, from 1.
    public let runningVariance: Tensor
    /// How many optimiser steps the running statistics have seen: int64, no dimension.
    public let batchesTracked: Tensor
    public let channels: Int
    public let epsilon: Double

    public init(
        _ channels: Int, affine: Affine = .scaleAndShift, epsilon: Double = 1e-5, scalarType: ScalarType = .float32
    ) throws {
        self.channels = channels
        self.epsilon = epsilon
        weight = affine == .none ? nil : try Tensor.ones([channels], scalarType)
        bias = affine == .scaleAndShift ? try Tensor.zeros([channels], scalarType) : nil
        runningMean = try Tensor.zeros([channels], scalarType)
        runningVariance = try Tensor.ones([channels], scalarType)
        batchesTracked = try Tensor.zeros([], .int64)
        try weight?.setRequiresGradient(true)
        try bias?.setRequiresGradient(true)
    }

    public var ownParameters: [Parameter] {
        [("weight", weight), ("bias", bias)].compactMap { name, tensor in
            tensor.map { Parameter(name: name, tensor: $0, kind: .norm) }
        }
    }

    public var ownBuffers: [NamedTensor] {
        [
            NamedTensor(name: "running_mean", tensor: runningMean),
            NamedTensor(name: "running_var", tensor: runningVariance),
            NamedTensor(name: "num_batches_tracked", tensor: batchesTracked),
        ]
    }

    public func forward(_ input: Tensor, mode: ForwardMode) throws -> Tensor {
        try forward(input, residual: nil, relu: false, mode: mode)
    }

    /// normalised(`input`)·γ + β, plus `residual` (the shape of `input`), then the ReLU where asked for.
    public func forward(_ input: Tensor, residual: Tensor? = nil, relu: Bool, mode: ForwardMode) throws -> Tensor {
        switch mode {
        case .inference:
            var output = try input.batchNormInference(
                mean: runningMean, variance: runningVariance, weight: weight, bias: bias, epsilon: epsilon)
            if let residual { output = try output + residual }
            return relu ? try output.relu() : output
        case .training(let context):
            let pieces = context.addsStatisticsExactly ? context.slices?.rows : nil
            let normalised = try input.batchNormTraining(
                weight: weight, bias: bias, epsilon: epsilon, residual: residual, relu: relu, pieces: pieces,
                reduce: context.reduceStatistics, parameterGradients: parameterGradients(context.slices))
            if normalised.output.requiresGradient, let accumulator = context.slices?.accumulator {
                for parameter in [weight, bias].compactMap({ $0 }) {
                    accumulator.expect(pieces?.count ?? 1, for: parameter)
                }
            }
            try context.recorder?.record(
                self, mean: normalised.mean, variance: normalised.variance, count: normalised.count)
            return normalised.output
        }
    }

    /// Hands the gradients of γ and β to the slices' accumulator.
    private func parameterGradients(_ slices: SlicedGradients?) -> ((Tensor, Tensor) throws -> Void)? {
        guard let accumulator = slices?.accumulator else { return nil }
        return { [weight, bias] ofWeight, ofBias in
            if let weight { try accumulator.add(ofWeight, to: weight) }
            if let bias { try accumulator.add(ofBias, to: bias) }
        }
    }
}
