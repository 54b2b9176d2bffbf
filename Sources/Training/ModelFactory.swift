import Configuration
import Contrastive

/// Builds a run's parts from its configuration, which must be resolved (`DataResolution`).
public enum ModelFactory {
    /// The encoder alone, with its initial weights.
    public static func encoder(_ configuration: RunConfiguration) throws -> ResNet {
        try ResNet(
            depth: configuration.encoder.name.depth, form: configuration.encoder.form == .cifar ? .cifar : .imageNet,
            width: configuration.encoder.width, inputChannels: configuration.encoder.channels,
            zeroInitResidual: configuration.encoder.zeroInitResidual, seed: configuration.seed)
    }

    static func optimizer(
        _ configuration: RunConfiguration, parameters: [Parameter]
    ) throws -> any Optimizer {
        let settings = configuration.optimizer
        switch settings.name {
        case .lars:
            return try LARS(
                parameters, momentum: settings.momentum, weightDecay: settings.weightDecay,
                trustCoefficient: settings.trust, clipped: settings.clipped)
        case .lamb:
            return try LAMB(
                parameters, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay)
        case .sgd:
            return try SGD(parameters, momentum: settings.momentum, weightDecay: settings.weightDecay)
        case .adamw:
            return try AdamW(
                parameters, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay)
        }
    }
}

extension RunConfiguration.Encoder.Name {
    fileprivate var depth: ResNet.Depth {
        switch self {
        case .resnet18: return .resNet18
        case .resnet34: return .resNet34
        case .resnet50: return .resNet50
        case .resnet101: return .resNet101
        }
    }
}
