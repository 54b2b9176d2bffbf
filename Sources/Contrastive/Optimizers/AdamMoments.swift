import Foundation
import Torch

/// Adam's running averages of gradients and of their squares:
///
///     m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²,   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
///
/// Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; arithmetic as in PyTorch.
final class AdamMoments {
    private let parameters: [Parameter]
    private let beta1: Double
    private let beta2: Double
    private let epsilon: Double
    private let first: [Tensor]
    private let second: [Tensor]
    /// Steps made, t: int64, no dimension.
    private let steps: Tensor
    /// 1 − β₁ᵗ and √(1 − β₂ᵗ).
    private var corrections = (first: 1.0, second: 1.0)

    init(_ parameters: [Parameter], beta1: Double, beta2: Double, epsilon: Double) throws {
        self.parameters = parameters
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        first = try zeros(like: parameters)
        second = try zeros(like: parameters)
        steps = try Tensor.zeros([], .int64)
    }

    /// The next step begins.
    func beginStep() throws {
        try steps.addInPlace(Tensor.ones([], .int64))
        let step = try steps.item()
        corrections = (1 - pow(beta1, step), (1 - pow(beta2, step)).squareRoot())
    }

    /// Takes in a parameter's gradient: m̂/(√v̂ + ε) = (numerator / denominator) · scale, of which the denominator is the
    /// caller's own and the numerator is not.
    func direction(
        _ index: Int, _ gradient: Tensor
    ) throws -> (numerator: Tensor, denominator: Tensor, scale: Double) {
        let (m, v) = (first[index], second[index])
        try m.multiplyInPlace(beta1)
        try m.addInPlace(gradient, scale: 1 - beta1)
        try v.multiplyInPlace(beta2)
        try v.addcmulInPlace(gradient, gradient, scale: 1 - beta2)
        // m̂/(√v̂ + ε) = (c₂/c₁)·m/(√v + ε·c₂): one temporary.
        let denominator = try v.sqrt()
        try denominator.addInPlace(Tensor.full([], epsilon * corrections.second, v.scalarType))
        return (m, denominator, corrections.second / corrections.first)
    }

    var state: [NamedTensor] {
        [NamedTensor(name: "steps", tensor: steps)]
            + named("first_moment", first, for: parameters) + named("second_moment", second, for: parameters)
    }
}
