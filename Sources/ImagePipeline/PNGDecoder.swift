import CPNG

/// PNG through libpng's simplified interface, which keeps errors inside C.
enum PNGDecoder {
    /// Any PNG to 8-bit gray or RGB. Transparency is dropped, as by PIL's `convert("RGB")`; 16-bit samples are scaled.
    static func decode(_ bytes: UnsafeRawBufferPointer, channels: Int) throws -> PixelImage {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
            throw DecodingFailure(message(of: image))
        }
        let width = Int(image.width)
        let height = Int(image.height)
        try ImageDecoder.check(width: width, height: height)
        // Without this flag 16-bit files would count as linear light and come out brighter than their 8-bit twins.
        image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        let hasAlpha = image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
        let colorFlag = channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
        image.format = colorFlag | (hasAlpha ? UInt32(PNG_FORMAT_FLAG_ALPHA) : 0)
        let samples = channels + (hasAlpha ? 1 : 0)
        let count = width * height * samples
        var pixels = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard png_image_finish_read(&image, nil, buffer.baseAddress, Int32(width * samples), nil) != 0 else {
                throw DecodingFailure(message(of: image))
            }
            filled = count
        }
        if hasAlpha { pixels = dropAlpha(pixels, channels: channels) }
        let orientation = EXIF.orientation(png: bytes)
        return orientation.apply(
            pixels, width: width, height: height, channels: channels,
            fullSize: orientation.upright(ImageSize(width: width, height: height)))
    }

    private static func dropAlpha(_ pixels: [UInt8], channels: Int) -> [UInt8] {
        let count = pixels.count / (channels + 1)
        return [UInt8](unsafeUninitializedCapacity: count * channels) { buffer, filled in
            for pixel in 0..<count {
                for channel in 0..<channels {
                    buffer[pixel * channels + channel] = pixels[pixel * (channels + 1) + channel]
                }
            }
            filled = count * channels
        }
    }

    /// libpng's words for what went wrong.
    static func message(of image: png_image) -> String {
        withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
