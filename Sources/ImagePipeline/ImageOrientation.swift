/// How a stored picture must be turned or mirrored to stand upright: EXIF's tag 0x0112.
///
/// Source: CIPA DC-008 (Exif 2.32), 4.6.4 A.
enum ImageOrientation: UInt16 {
    case upright = 1
    case mirrored = 2
    case turned180 = 3
    case mirroredTurned180 = 4
    case transposed = 5
    case turned90 = 6
    case transversed = 7
    case turned270 = 8

    /// Whether width and height change places.
    var swapsSides: Bool { rawValue >= 5 }

    func upright(_ stored: ImageSize) -> ImageSize {
        swapsSides ? ImageSize(width: stored.height, height: stored.width) : stored
    }

    /// Where the upright pixel (0, 0) is stored, and how far apart neighbours in x and in y are stored, in pixels.
    private func walk(width: Int, height: Int) -> (start: Int, x: Int, y: Int) {
        let right = width - 1
        let bottom = (height - 1) * width
        return switch self {
        case .upright: (0, 1, width)
        case .mirrored: (right, -1, width)
        case .turned180: (bottom + right, -1, -width)
        case .mirroredTurned180: (bottom, 1, -width)
        case .transposed: (0, width, 1)
        case .turned90: (bottom, -width, 1)
        case .transversed: (bottom + right, -width, -1)
        case .turned270: (right, width, -1)
        }
    }

    /// The upright picture of a stored one.
    ///
    /// - Parameters:
    ///   - pixels: `[height, width, channels]` as stored.
    ///   - fullSize: Upright size before any reduction.
    func apply(_ pixels: [UInt8], width: Int, height: Int, channels: Int, fullSize: ImageSize) -> PixelImage {
        guard self != .upright else {
            return PixelImage(width: width, height: height, channels: channels, pixels: pixels, fullSize: fullSize)
        }
        let size = upright(ImageSize(width: width, height: height))
        let walk = walk(width: width, height: height)
        let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, filled in
            pixels.withUnsafeBufferPointer { source in
                var to = 0
                for y in 0..<size.height {
                    var from = (walk.start + y * walk.y) * channels
                    for _ in 0..<size.width {
                        for channel in 0..<channels { buffer[to + channel] = source[from + channel] }
                        to += channels
                        from += walk.x * channels
                    }
                }
            }
            filled = pixels.count
        }
        return PixelImage(
            width: size.width, height: size.height, channels: channels, pixels: turned, fullSize: fullSize)
    }
}
