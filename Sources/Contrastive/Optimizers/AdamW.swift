import Torch

/// Adam with decoupled weight decay:
///
///     w ← (1 − lr·decay)·w,   w ← w − lr·m̂/(√v̂ + ε)   (`AdamMoments`)
///
/// Biases and normalisation parameters do not decay (`decayed`).
///
/// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019; arithmetic as in PyTorch.
public final class AdamW: Optimizer {
    public let parameters: [Parameter]
    public let weightDecay: Double
    /// The kinds of parameters that decay.
    public let decayed: Set<Parameter.Kind>
    private let moments: AdamMoments

    public init(
        _ parameters: [Parameter], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01, decayed: Set<Parameter.Kind> = [.weight]
    ) throws {
        self.parameters = parameters
        self.weightDecay = weightDecay
        self.decayed = decayed
        moments = try AdamMoments(parameters, beta1: beta1, beta2: beta2, epsilon: epsilon)
    }

    public func step(rates: (Parameter) -> Double?) throws {
        try withoutGradient {
            try moments.beginStep()
            for (index, parameter) in parameters.enumerated() {
                guard let gradient = parameter.tensor.gradient, let learningRate = rates(parameter) else { continue }
                if weightDecay != 0, decayed.contains(parameter.kind) {
                    try parameter.tensor.multiplyInPlace(1 - learningRate * weightDecay)
                }
                let (numerator, denominator, scale) = try moments.direction(index, gradient)
                try parameter.tensor.addcdivInPlace(numerator, denominator, scale: -learningRate * scale)
            }
        }
    }

    public var state: [NamedTensor] { moments.state }
}
