import Configuration
import Contrastive
import ImagePipeline

/// Builds a run's parts from its configuration, which must be resolved (`DataResolution`).
public enum ModelFactory {
    /// Encoder and projector with their initial weights, a function of the seed.
    public static func simCLR(_ configuration: RunConfiguration) throws -> SimCLR {
        let encoder = try encoder(configuration)
        let projector = configuration.projector
        return try SimCLR(
            encoder: encoder,
            projector: Projector(
                inputs: encoder.featureDimension,
                hidden: projector.hidden > 0 ? projector.hidden : encoder.featureDimension,
                outputs: projector.out, layers: projector.layers, seed: configuration.seed),
            temperature: configuration.loss.temperature)
    }

    /// The encoder alone, with its initial weights.
    public static func encoder(_ configuration: RunConfiguration) throws -> ResNet {
        try ResNet(
            depth: configuration.encoder.name.depth, form: configuration.encoder.form == .cifar ? .cifar : .imageNet,
            width: configuration.encoder.width, inputChannels: configuration.encoder.channels,
            seed: configuration.seed)
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
        case .sgd:
            return try SGD(parameters, momentum: settings.momentum, weightDecay: settings.weightDecay)
        case .adamw:
            return try AdamW(
                parameters, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay)
        }
    }

    static func augmentation(_ configuration: RunConfiguration) -> Augmentation {
        let settings = configuration.augment
        var augmentation = Augmentation(
            outputSize: settings.size, normalization: normalization(configuration))
        augmentation.brightness = Float(settings.brightness * settings.jitter)
        augmentation.contrast = Float(settings.contrast * settings.jitter)
        augmentation.saturation = Float(settings.saturation * settings.jitter)
        // A hue shift of half the circle is the largest there is.
        augmentation.hue = Float(min(settings.hue * settings.jitter, 0.5))
        augmentation.cropScale = settings.cropMin...settings.cropMax
        augmentation.resampling = settings.resample == .bicubic ? .bicubic : .bilinear
        augmentation.flipProbability = Float(settings.flip)
        augmentation.jitterProbability = Float(settings.jitterProbability)
        augmentation.grayscaleProbability = Float(settings.grayscale)
        augmentation.blurProbability = Float(settings.blur)
        augmentation.blurSigma = settings.blurSigmaMin...settings.blurSigmaMax
        return augmentation
    }

    /// How images are prepared for a frozen encoder: no randomness.
    public static func evaluationTransform(_ configuration: RunConfiguration) -> EvaluationTransform {
        EvaluationTransform(
            outputSize: configuration.augment.size, normalization: normalization(configuration))
    }

    private static func normalization(_ configuration: RunConfiguration) -> Normalization {
        Normalization(mean: configuration.augment.mean.map(Float.init), std: configuration.augment.std.map(Float.init))
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
