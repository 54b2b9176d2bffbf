import Torch

/// Stochastic gradient descent with momentum; the learning rate stays outside the momentum, as in PyTorch:
///
///     g ← gradient + decay·w,   v ← momentum·v + g,   w ← w − lr·v   (Nesterov: w ← w − lr·(g + momentum·v))
public final class SGD: Optimizer {
    public let parameters: [Parameter]
    public let momentum: Double
    public let weightDecay: Double
    public let nesterov: Bool
    /// The kinds of parameters that decay; all of them by default, as in MoCo's code.
    public let decayed: Set<Parameter.Kind>
    private let velocities: [Tensor]

    public init(
        _ parameters: [Parameter], momentum: Double = 0.9, weightDecay: Double = 0, nesterov: Bool = false,
        decayed: Set<Parameter.Kind> = Set(Parameter.Kind.allCases)
    ) throws {
        self.parameters = parameters
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.nesterov = nesterov
        self.decayed = decayed
        velocities = try zeros(like: parameters)
    }

    public func step(rates: (Parameter) -> Double?) throws {
        try withoutGradient {
            for (parameter, velocity) in zip(parameters, velocities) {
                guard let gradient = parameter.tensor.gradient, let learningRate = rates(parameter) else { continue }
                let decay = decayed.contains(parameter.kind) ? weightDecay : 0
                try velocity.multiplyInPlace(momentum)
                try velocity.addInPlace(gradient)
                if decay != 0 { try velocity.addInPlace(parameter.tensor, scale: decay) }
                if nesterov {
                    // g's own share first, while w still is what its decay was taken from.
                    if decay != 0 { try parameter.tensor.multiplyInPlace(1 - learningRate * decay) }
                    try parameter.tensor.addInPlace(gradient, scale: -learningRate)
                    try parameter.tensor.addInPlace(velocity, scale: -learningRate * momentum)
                } else {
                    try parameter.tensor.addInPlace(velocity, scale: -learningRate)
                }
            }
        }
    }

    public var state: [NamedTensor] { named("momentum", velocities, for: parameters) }
}
