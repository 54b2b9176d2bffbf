import Torch

/// Adam's direction with decay, scaled layer by layer to the size of the weights:
///
///     u = m̂/(√v̂ + ε) + decay·w   (`AdamMoments`),   r = ‖w‖/‖u‖ (1 where either norm is 0),   w ← w − lr·r·u
///
/// Biases and normalisation parameters are neither decayed nor scaled (`excluded`), as in the authors' code.
///
/// Source: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020, algorithm 2
/// with φ the identity.
public final class LAMB: Optimizer {
    public let parameters: [Parameter]
    public let weightDecay: Double
    /// The kinds of parameters without decay and scaling.
    public let excluded: Set<Parameter.Kind>
    private let moments: AdamMoments

    public init(
        _ parameters: [Parameter], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-6,
        weightDecay: Double = 0.01, excluded: Set<Parameter.Kind> = [.bias, .norm]
    ) throws {
        self.parameters = parameters
        self.weightDecay = weightDecay
        self.excluded = excluded
        moments = try AdamMoments(parameters, beta1: beta1, beta2: beta2, epsilon: epsilon)
    }

    public func step(rates: (Parameter) -> Double?) throws {
        try withoutGradient {
            try moments.beginStep()
            for (index, parameter) in parameters.enumerated() {
                guard let gradient = parameter.tensor.gradient, let learningRate = rates(parameter) else { continue }
                let (numerator, denominator, scale) = try moments.direction(index, gradient)
                guard !excluded.contains(parameter.kind) else {
                    try parameter.tensor.addcdivInPlace(numerator, denominator, scale: -learningRate * scale)
                    continue
                }
                let update = try numerator / denominator
                try update.multiplyInPlace(scale)
                if weightDecay != 0 { try update.addInPlace(parameter.tensor, scale: weightDecay) }
                let (weightNorm, updateNorm) = try (parameter.tensor.norm().item(), update.norm().item())
                let ratio = weightNorm > 0 && updateNorm > 0 ? weightNorm / updateNorm : 1
                try parameter.tensor.addInPlace(update, scale: -learningRate * ratio)
            }
        }
    }

    public var state: [NamedTensor] { moments.state }
}
