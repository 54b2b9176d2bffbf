import Foundation
import Torch

/// Adam with decoupled weight decay:
///
///     w ← (1 − lr·decay)·w,   m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,   w ← w − lr·m̂/(√v̂ + ε)
///
/// with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ). Biases and normalisation parameters do not decay (`decayed`).
///
/// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019; arithmetic as in PyTorch.
public final class AdamW: Optimizer {
    public let parameters: [Parameter]
    public let beta1: Double
    public let beta2: Double
    public let epsilon: Double
    public let weightDecay: Double
    /// The kinds of parameters that decay.
    public let decayed: Set<Parameter.Kind>
    private let firstMoments: [Tensor]
    private let secondMoments: [Tensor]
    /// Steps made: int64, no dimension.
    private let steps: Tensor

    public init(
        _ parameters: [Parameter], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01, decayed: Set<Parameter.Kind> = [.weight]
    ) throws {
        self.parameters = parameters
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.decayed = decayed
        firstMoments = try zeros(like: parameters)
        secondMoments = try zeros(like: parameters)
        steps = try Tensor.zeros([], .int64)
    }

    public func step(rates: (Parameter) -> Double?) throws {
        try withoutGradient {
            try steps.addInPlace(Tensor.ones([], .int64))
            let step = try steps.item()
            let correction1 = 1 - pow(beta1, step)
            let correction2 = (1 - pow(beta2, step)).squareRoot()
            for (index, parameter) in parameters.enumerated() {
                guard let gradient = parameter.tensor.gradient, let learningRate = rates(parameter) else { continue }
                if weightDecay != 0, decayed.contains(parameter.kind) {
                    try parameter.tensor.multiplyInPlace(1 - learningRate * weightDecay)
                }
                let first = firstMoments[index]
                let second = secondMoments[index]
                try first.multiplyInPlace(beta1)
                try first.addInPlace(gradient, scale: 1 - beta1)
                try second.multiplyInPlace(beta2)
                try second.addcmulInPlace(gradient, gradient, scale: 1 - beta2)
                // lr·m̂/(√v̂ + ε) = (lr·c₂/c₁)·m/(√v + ε·c₂): one temporary.
                let denominator = try second.sqrt()
                try denominator.addInPlace(Tensor.full([], epsilon * correction2, parameter.tensor.scalarType))
                try parameter.tensor.addcdivInPlace(
                    first, denominator, scale: -learningRate * correction2 / correction1)
            }
        }
    }

    public var state: [NamedTensor] {
        [NamedTensor(name: "steps", tensor: steps)]
            + named("first_moment", firstMoments, for: parameters)
            + named("second_moment", secondMoments, for: parameters)
    }
}
