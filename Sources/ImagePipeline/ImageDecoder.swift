/// Decodes JPEG and PNG from memory. Which of the two it is, the first bytes say, not the file's name.
public enum ImageDecoder {
    /// An image that claims more pixels than this is refused before memory is set aside for it.
    public static let maximumPixels = 200_000_000

    /// Decodes an image and turns it upright as its EXIF orientation says.
    ///
    /// - Parameters:
    ///   - name: What to call the image in an error.
    ///   - channels: 1 or 3; gray becomes colour and colour becomes gray (luma) as needed. Transparency is dropped.
    ///   - scale: Given the full upright size, the least scale that will do, in 0…1; see `ImageDataset`.
    /// - Throws: `ImageError` for truncated, damaged, unknown or gigantic data.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, name: String, channels: Int, scale: (ImageSize) -> Double = { _ in 1 }
    ) throws -> PixelImage {
        precondition(channels == 1 || channels == 3, "images have 1 or 3 channels, not \(channels)")
        do {
            if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
                return try JPEGDecoder.shared.with { try $0.decode(bytes, channels: channels, scale: scale) }
            }
            if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
                return try PNGDecoder.decode(bytes, channels: channels)
            }
            throw DecodingFailure(bytes.isEmpty ? "it has no bytes" : "it is neither a JPEG nor a PNG")
        } catch let failure as DecodingFailure {
            throw ImageError(name: name, cause: failure.cause)
        }
    }

    /// Refuses sizes that no memory should be set aside for.
    static func check(width: Int, height: Int) throws {
        guard width > 0, height > 0 else { throw DecodingFailure("its size is \(width)×\(height)") }
        let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, pixels <= maximumPixels else {
            throw DecodingFailure("it claims \(width)×\(height) pixels, more than \(maximumPixels)")
        }
    }
}

/// A cause without the image's name, which `ImageDecoder` adds.
struct DecodingFailure: Error {
    let cause: String

    init(_ cause: String) {
        self.cause = cause
    }
}
