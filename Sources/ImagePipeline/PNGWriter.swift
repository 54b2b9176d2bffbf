import CPNG

/// Writes images as PNG files.
public enum PNGWriter {
    /// Writes `image` to `path`, replacing what is there.
    ///
    /// - Throws: `PictureError` with the path and libpng's cause.
    public static func write(_ image: PixelImage, to path: String) throws {
        var header = png_image()
        header.version = UInt32(PNG_IMAGE_VERSION)
        header.width = UInt32(image.width)
        header.height = UInt32(image.height)
        header.format = image.channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
        defer { png_image_free(&header) }
        let stride = Int32(image.width * image.channels)
        let status = image.pixels.withUnsafeBytes { bytes in
            png_image_write_to_file(&header, path, 0, bytes.baseAddress, stride, nil)
        }
        guard status != 0 else {
            throw PictureError(path: path, cause: PNGDecoder.message(of: header))
        }
    }
}

/// Why a picture cannot be written.
public struct PictureError: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    public let cause: String

    public var description: String {
        "cannot write the picture \(path): \(cause); check the folder and the space on its disk"
    }
}
