import Torch

/// A network that no gradient trains: its parameters are a moving average of another's, ξ ← m·ξ + (1 − m)·θ.
///
/// Running statistics are its own, from its own passes. The average is taken in two flat buffers, once an optimiser step.
///
/// Sources: He et al., "Momentum Contrast", CVPR 2020; Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020.
public final class MomentumNetwork {
    public let network: Network
    private let online: FlatParameters
    private let average: FlatParameters
    private let schedule: MomentumSchedule

    /// - Parameters:
    ///   - network: a network of its own with the same initial weights as those parts of `online` that have its names;
    ///     `online` may have more (a predictor).
    /// - Throws: `ContrastiveError` where a parameter of `network` has no counterpart.
    public init(_ network: Network, following online: Network, schedule: MomentumSchedule) throws {
        let sources = Dictionary(uniqueKeysWithValues: online.parameters.map { ($0.name, $0) })
        let averaged = network.parameters
        let followed = try averaged.map { parameter in
            guard let source = sources[parameter.name], source.tensor.shape == parameter.tensor.shape else {
                throw ContrastiveError(
                    .state, in: "momentum network", "'\(parameter.name)' has no counterpart in the trained network")
            }
            return source
        }
        for parameter in averaged { try parameter.tensor.setRequiresGradient(false) }
        self.network = network
        self.schedule = schedule
        self.online = try FlatParameters(followed)
        average = try FlatParameters(averaged)
        try withoutGradient { try average.values.copyInPlace(from: self.online.values) }
    }

    /// Takes one optimiser step into the average.
    public func follow(step: Int, of total: Int) throws {
        try withoutGradient {
            try average.values.lerpInPlace(towards: online.values, weight: 1 - schedule.momentum(at: step, of: total))
        }
    }
}
