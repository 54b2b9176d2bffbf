/// The fixed view of an image for evaluation: the short side is resized, the middle is cut out, then normalised.
public struct EvaluationTransform: Equatable, Sendable {
    /// Width and height of the result in pixels.
    public var outputSize: Int
    /// The length that the image's short side is brought to; equal to `outputSize` to keep the whole short side.
    public var resizedSide: Int
    public var resampling = Resampling.bicubic
    public var normalization: Normalization

    /// - Parameter resizedSide: By default `outputSize` (use 256 with 224 for ImageNet's custom).
    public init(outputSize: Int, resizedSide: Int? = nil, normalization: Normalization) {
        self.outputSize = outputSize
        self.resizedSide = resizedSide ?? outputSize
        self.normalization = normalization
    }

    public var channels: Int { normalization.mean.count }

    /// Checks what a user may have set.
    ///
    /// - Throws: `AugmentationError` that names the parameter.
    public func validate() throws {
        try normalization.validate()
        guard (1...16384).contains(outputSize) else {
            throw AugmentationError(parameter: "outputSize", need: "1 to 16384 pixels")
        }
        guard (outputSize...16384).contains(resizedSide) else {
            throw AugmentationError(parameter: "resizedSide", need: "at least the output size, at most 16384")
        }
    }

    /// The square of the full image that becomes the result.
    func crop(for full: ImageSize) -> CropBox {
        let side = Double(min(full.width, full.height)) * Double(outputSize) / Double(resizedSide)
        return CropBox(
            x: (Double(full.width) - side) / 2, y: (Double(full.height) - side) / 2, width: side, height: side)
    }

    /// Writes the view.
    ///
    /// - Parameters:
    ///   - image: As many channels as `normalization` has.
    ///   - output: Room for `outputSize · outputSize · channels` numbers, HWC.
    ///   - workspace: Scratch memory, to be reused from view to view on one thread.
    public func apply(
        _ image: PixelImage, into output: UnsafeMutablePointer<Float>,
        workspace: AugmentationWorkspace = AugmentationWorkspace()
    ) {
        precondition(image.channels == channels, "normalisation for \(channels) channels, image of \(image.channels)")
        let planes = workspace.planes(width: outputSize, height: outputSize, channels: channels)
        workspace.resample(
            image, crop: crop(for: image.fullSize), resampling: resampling, mirrored: false, into: planes)
        planes.writeNormalized(normalization, to: output)
    }
}
