/// The size of an image in pixels.
public struct ImageSize: Hashable, Sendable {
    public let width: Int
    public let height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}

/// A decoded image: 8 bits a sample, rows from the top, channels interleaved (HWC).
public struct PixelImage: Equatable, Sendable {
    public let width: Int
    public let height: Int
    /// 1 (gray) or 3 (red, green, blue).
    public let channels: Int
    /// `height · width · channels` samples.
    public let pixels: [UInt8]
    /// The size of the picture in its file. It differs from `width` × `height` where a large JPEG was decoded at a
    /// reduced scale; crops are drawn in these coordinates, so they do not depend on the scale.
    public let fullSize: ImageSize

    public init(width: Int, height: Int, channels: Int, pixels: [UInt8], fullSize: ImageSize? = nil) {
        precondition(width > 0 && height > 0, "an image has at least one pixel")
        precondition(channels == 1 || channels == 3, "an image has 1 or 3 channels, not \(channels)")
        precondition(
            pixels.count == width * height * channels, "\(pixels.count) samples for \(width)×\(height)×\(channels)")
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
        self.fullSize = fullSize ?? ImageSize(width: width, height: height)
    }
}
