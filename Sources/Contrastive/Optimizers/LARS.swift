import Torch

/// Layer-wise adaptive rate scaling, as SimCLR's own code has it: the learning rate stands **inside** the momentum.
///
///     g ← gradient + decay·w,   r = trust·‖w‖/‖g‖ (1 where either norm is 0),   v ← momentum·v + lr·r·g,   w ← w − v
///
/// With `clipped` the learning rate is an upper bound instead of a factor, min(r, lr) in place of lr·r (LARC; the usual
/// trust coefficient is then 0.02 or so).
///
/// Biases and normalisation parameters are neither decayed nor adapted (`excluded`): for them g is the gradient and
/// r = 1, momentum SGD with the rate inside.
///
/// Sources: You et al., "Large Batch Training of Convolutional Networks", 2017; `tf2/lars_optimizer.py` (its
/// `classic_momentum`) and `build_optimizer` in `tf2/model.py` of google-research/simclr.
public final class LARS: Optimizer {
    public let parameters: [Parameter]
    public let momentum: Double
    public let weightDecay: Double
    public let trustCoefficient: Double
    public let clipped: Bool
    /// The kinds of parameters without decay and adaptation.
    public let excluded: Set<Parameter.Kind>
    private let velocities: [Tensor]

    public init(
        _ parameters: [Parameter], momentum: Double = 0.9, weightDecay: Double = 0, trustCoefficient: Double = 0.001,
        clipped: Bool = false, excluded: Set<Parameter.Kind> = [.bias, .norm]
    ) throws {
        self.parameters = parameters
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.trustCoefficient = trustCoefficient
        self.clipped = clipped
        self.excluded = excluded
        velocities = try zeros(like: parameters)
    }

    public func step(rates: (Parameter) -> Double?) throws {
        try withoutGradient {
            for (parameter, velocity) in zip(parameters, velocities) {
                guard var gradient = parameter.tensor.gradient, var rate = rates(parameter) else { continue }
                if !excluded.contains(parameter.kind) {
                    if weightDecay != 0 {
                        gradient = try gradient.cloned()
                        try gradient.addInPlace(parameter.tensor, scale: weightDecay)
                    }
                    if let ratio = try trustRatio(weight: parameter.tensor, gradient: gradient) {
                        rate = clipped ? min(ratio, rate) : rate * ratio
                    }
                }
                try velocity.multiplyInPlace(momentum)
                try velocity.addInPlace(gradient, scale: rate)
                try parameter.tensor.addInPlace(velocity, scale: -1)
            }
        }
    }

    /// trust·‖w‖/‖g‖, or nil where either norm is 0.
    private func trustRatio(weight: Tensor, gradient: Tensor) throws -> Double? {
        let weightNorm = try weight.norm().item()
        let gradientNorm = try gradient.norm().item()
        return weightNorm > 0 && gradientNorm > 0 ? trustCoefficient * weightNorm / gradientNorm : nil
    }

    public var state: [NamedTensor] { named("momentum", velocities, for: parameters) }
}
