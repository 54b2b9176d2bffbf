import Configuration
import ImagePipeline

extension ModelFactory {
    /// The augmentation of each view of an image: two global ones, then the local ones, which are drawn like the first
    /// but for size and share of the area.
    public static func augmentations(_ configuration: RunConfiguration) -> [Augmentation] {
        let settings = configuration.augment
        let first = augmentation(
            configuration, size: settings.size, crop: settings.cropMin...settings.cropMax)
        var second = first
        second.blurProbability = Float(settings.second.blur ?? settings.blur)
        second.solarizeProbability = Float(settings.second.solarize ?? settings.solarize)
        let local = augmentation(
            configuration, size: settings.localSize, crop: settings.localCropMin...settings.localCropMax)
        return [first, second] + Array(repeating: local, count: settings.localViews)
    }

    private static func augmentation(
        _ configuration: RunConfiguration, size: Int, crop: ClosedRange<Double>
    ) -> Augmentation {
        let settings = configuration.augment
        var augmentation = Augmentation(outputSize: size, normalization: normalization(configuration))
        augmentation.brightness = Float(settings.brightness * settings.jitter)
        augmentation.contrast = Float(settings.contrast * settings.jitter)
        augmentation.saturation = Float(settings.saturation * settings.jitter)
        // A hue shift of half the circle is the largest there is.
        augmentation.hue = Float(min(settings.hue * settings.jitter, 0.5))
        augmentation.cropScale = crop
        augmentation.resampling = settings.resample == .bicubic ? .bicubic : .bilinear
        augmentation.flipProbability = Float(settings.flip)
        augmentation.jitterProbability = Float(settings.jitterProbability)
        augmentation.grayscaleProbability = Float(settings.grayscale)
        augmentation.blurProbability = Float(settings.blur)
        augmentation.blurSigma = settings.blurSigmaMin...settings.blurSigmaMax
        augmentation.solarizeProbability = Float(settings.solarize)
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
