import Randomness

/// How pixels between pixels are found. Both are widened when shrinking, against aliasing, as PIL does.
public enum Resampling: String, Sendable, CaseIterable {
    case bilinear
    /// Keys' cubic convolution with a = −0.5.
    case bicubic
}

/// A random view of an image: crop and resize, flip, colour jitter, grayscale, blur, solarise, normalise, in this order.
///
/// Factors, probabilities and defaults are those of SimCLR's ImageNet recipe, which does not solarise; operations on
/// colour are those of torchvision on float images in 0…1, clipped after each step. On 1-channel images saturation, hue
/// and grayscale do nothing. Sources: Chen et al., "A Simple Framework for Contrastive Learning of Visual
/// Representations", 2020, appendix A; for solarisation and its place Grill et al., "Bootstrap Your Own Latent", 2020,
/// appendix B, and Barlow Twins' official code.
public struct Augmentation: Equatable, Sendable {
    /// Width and height of a view in pixels.
    public var outputSize: Int
    /// The crop's area as a share of the image's, uniform.
    public var cropScale: ClosedRange<Double> = 0.08...1
    /// The crop's width over its height, log-uniform.
    public var cropRatio: ClosedRange<Double> = 3.0 / 4...4.0 / 3
    public var resampling = Resampling.bicubic
    public var flipProbability: Float = 0.5
    /// With this probability all four colour changes happen, in random order.
    public var jitterProbability: Float = 0.8
    /// Factor uniform in [max(0, 1 − b), 1 + b].
    public var brightness: Float = 0.8
    /// Factor uniform in [max(0, 1 − c), 1 + c], about the mean of the image's gray.
    public var contrast: Float = 0.8
    /// Factor uniform in [max(0, 1 − s), 1 + s], about each pixel's gray.
    public var saturation: Float = 0.8
    /// Shift uniform in [−h, h] of the whole circle; at most 0.5.
    public var hue: Float = 0.2
    public var grayscaleProbability: Float = 0.2
    public var blurProbability: Float = 0.5
    /// Standard deviation of the Gaussian in pixels, uniform.
    public var blurSigma: ClosedRange<Double> = 0.1...2
    /// Taps of the Gaussian: odd.
    public var blurKernelSize: Int
    public var solarizeProbability: Float = 0
    /// Samples of at least this, in 0…1, are inverted.
    public var solarizeThreshold: Float = 0.5
    public var normalization: Normalization

    /// - Parameter strength: SimCLR's s, which multiplies the strengths of the colour jitter.
    public init(outputSize: Int, normalization: Normalization, strength: Float = 1) {
        self.outputSize = outputSize
        self.normalization = normalization
        blurKernelSize = Self.blurKernelSize(for: outputSize)
        brightness *= strength
        contrast *= strength
        saturation *= strength
        hue = min(hue * strength, 0.5)
    }

    /// An odd number of about a tenth of the image, at least 3.
    public static func blurKernelSize(for outputSize: Int) -> Int {
        max(3, outputSize / 10 | 1)
    }

    /// Channels of its views.
    public var channels: Int { normalization.mean.count }

    /// Checks what a user may have set.
    ///
    /// - Throws: `AugmentationError` that names the parameter.
    public func validate() throws {
        func require(_ condition: Bool, _ parameter: String, _ need: String) throws {
            guard condition else { throw AugmentationError(parameter: parameter, need: need) }
        }
        try normalization.validate()
        try require((1...16384).contains(outputSize), "outputSize", "1 to 16384 pixels")
        try require(cropScale.lowerBound > 0 && cropScale.upperBound <= 1, "cropScale", "a range within 0 to 1")
        try require(cropRatio.lowerBound > 0 && cropRatio.upperBound.isFinite, "cropRatio", "positive numbers")
        let probabilities = [
            ("flipProbability", flipProbability), ("jitterProbability", jitterProbability),
            ("grayscaleProbability", grayscaleProbability), ("blurProbability", blurProbability),
            ("solarizeProbability", solarizeProbability),
        ]
        for (name, value) in probabilities { try require((0...1).contains(value), name, "a number from 0 to 1") }
        for (name, value) in [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)] {
            try require((0...100).contains(value), name, "a number from 0 to 100")
        }
        try require((0...0.5).contains(hue), "hue", "a number from 0 to 0.5")
        try require(blurSigma.lowerBound > 0 && blurSigma.upperBound.isFinite, "blurSigma", "positive numbers")
        try require(
            blurKernelSize > 0 && blurKernelSize % 2 == 1 && (blurProbability == 0 || blurKernelSize / 2 < outputSize),
            "blurKernelSize", "an odd number below twice the output size")
        try require((0...1).contains(solarizeThreshold), "solarizeThreshold", "a number from 0 to 1")
    }

    /// Draws a view from `generator` and writes it.
    ///
    /// - Parameters:
    ///   - image: As many channels as `normalization` has.
    ///   - generator: Advances by `AugmentationPlan.drawCount` words, whatever is drawn.
    ///   - output: Room for `outputSize · outputSize · channels` numbers, HWC.
    ///   - workspace: Scratch memory, to be reused from view to view on one thread.
    public func apply(
        _ image: PixelImage, generator: inout Philox, into output: UnsafeMutablePointer<Float>,
        workspace: AugmentationWorkspace = AugmentationWorkspace()
    ) {
        apply(plan(for: image.fullSize, generator: &generator), to: image, into: output, workspace: workspace)
    }

    /// Writes the view that `plan` describes; see `apply(_:generator:into:workspace:)`.
    public func apply(
        _ plan: AugmentationPlan, to image: PixelImage, into output: UnsafeMutablePointer<Float>,
        workspace: AugmentationWorkspace
    ) {
        precondition(image.channels == channels, "normalisation for \(channels) channels, image of \(image.channels)")
        let planes = workspace.planes(width: outputSize, height: outputSize, channels: channels)
        workspace.resample(image, crop: plan.crop, resampling: resampling, mirrored: plan.isFlipped, into: planes)
        if let jitter = plan.jitter {
            for step in 0..<4 { planes.apply(jitter, step: step) }
        }
        if plan.isGray { planes.makeGray() }
        if let sigma = plan.blurSigma { workspace.blur(planes, kernelSize: blurKernelSize, sigma: sigma) }
        if plan.isSolarized { planes.solarize(threshold: solarizeThreshold) }
        planes.writeNormalized(normalization, to: output)
    }
}

/// A parameter of an augmentation or transform out of its range.
public struct AugmentationError: Error, Equatable, Sendable, CustomStringConvertible {
    public let parameter: String
    public let need: String

    public var description: String {
        "\(parameter) of the augmentation is out of range: give \(need)"
    }
}

extension Normalization {
    func validate() throws {
        guard (mean.count == 1 || mean.count == 3) && mean.count == std.count,
            mean.allSatisfy(\.isFinite), std.allSatisfy({ $0 > 0 && $0.isFinite })
        else {
            throw AugmentationError(
                parameter: "normalization", need: "one mean and one positive deviation for each of 1 or 3 channels")
        }
    }
}
