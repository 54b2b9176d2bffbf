import CTurboJPEG
import Synchronization

/// A libjpeg-turbo decompressor.
///
/// `@unchecked Sendable`: the handle is used by one thread at a time; `JPEGDecoderPool` hands it from one to the next.
final class JPEGDecoder: @unchecked Sendable {
    static let shared = JPEGDecoderPool()
    private let handle: tjhandle

    init() throws {
        guard let handle = tjInitDecompress() else { throw DecodingFailure("libjpeg-turbo cannot start") }
        self.handle = handle
    }

    deinit {
        tjDestroy(handle)
    }

    func decode(_ bytes: UnsafeRawBufferPointer, channels: Int, scale: (ImageSize) -> Double) throws -> PixelImage {
        let data = bytes.assumingMemoryBound(to: UInt8.self).baseAddress!
        var width: Int32 = 0
        var height: Int32 = 0
        var subsampling: Int32 = 0
        var colorspace: Int32 = 0
        let status = tjDecompressHeader3(
            handle, data, UInt(bytes.count), &width, &height, &subsampling, &colorspace)
        guard status == 0 || (tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue) && width > 0) else {
            throw DecodingFailure(message)
        }
        try ImageDecoder.check(width: Int(width), height: Int(height))
        let orientation = EXIF.orientation(jpeg: bytes)
        let full = orientation.upright(ImageSize(width: Int(width), height: Int(height)))
        let denominator = Self.denominator(for: scale(full))
        let isCMYK = colorspace == Int32(TJCS_CMYK.rawValue) || colorspace == Int32(TJCS_YCCK.rawValue)
        let stored = Stored(
            width: (Int(width) + denominator - 1) / denominator, height: (Int(height) + denominator - 1) / denominator,
            samples: isCMYK ? 4 : channels)
        var pixels = try decompress(bytes, stored)
        if isCMYK { pixels = Self.convertCMYK(pixels, channels: channels) }
        return orientation.apply(
            pixels, width: stored.width, height: stored.height, channels: channels, fullSize: full)
    }

    private struct Stored {
        let width: Int
        let height: Int
        let samples: Int
    }

    /// The largest reduction whose scale is still at least `scale`. libjpeg-turbo also knows other eighths, but has
    /// fast code for the powers of two only.
    static func denominator(for scale: Double) -> Int {
        [8, 4, 2].first { 1 / Double($0) >= scale } ?? 1
    }

    /// Decompresses, and refuses what libjpeg-turbo would only warn of and fill with gray: an early end, bad codes.
    private func decompress(_ bytes: UnsafeRawBufferPointer, _ stored: Stored) throws -> [UInt8] {
        let format: Int32 =
            switch stored.samples {
            case 1: Int32(TJPF_GRAY.rawValue)
            case 3: Int32(TJPF_RGB.rawValue)
            default: Int32(TJPF_CMYK.rawValue)
            }
        let count = stored.width * stored.height * stored.samples
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            func run(_ flags: Int32) -> Int32 {
                tjDecompress2(
                    handle, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, UInt(bytes.count),
                    buffer.baseAddress, Int32(stored.width), 0, Int32(stored.height), format,
                    TJFLAG_LIMITSCANS | flags)
            }
            if run(TJFLAG_STOPONWARNING) != 0 {
                try requireWarningOnly()
                // Of several warnings only the first is told, so after a harmless one the file's end is looked for.
                guard JPEGSegments.hasEnd(bytes) else { throw DecodingFailure("premature end of JPEG file") }
                if run(0) != 0 { try requireWarningOnly() }
            }
            filled = count
        }
    }

    /// Throws unless the last call ended with a warning that leaves the picture whole.
    private func requireWarningOnly() throws {
        guard tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue), Self.isHarmless(message) else {
            throw DecodingFailure(message)
        }
    }

    /// Warnings after which the picture is whole: stray bytes between segments, odd version numbers and profiles.
    private static func isHarmless(_ warning: String) -> Bool {
        let harmful = ["premature end", "bad huffman", "bad arithmetic", "instead of rst", "progression sequence"]
        let text = warning.lowercased()
        return !harmful.contains { text.contains($0) }
    }

    private var message: String {
        guard let text = tjGetErrorStr2(handle) else { return "unknown error of libjpeg-turbo" }
        return String(cString: text)
    }

    /// CMYK as Adobe's programs store it in JPEG (0 is full ink) to RGB or its luma, without a colour profile.
    private static func convertCMYK(_ inks: [UInt8], channels: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: inks.count / 4 * channels)
        for pixel in 0..<inks.count / 4 {
            let black = Int(inks[4 * pixel + 3])
            let red = (Int(inks[4 * pixel]) * black + 127) / 255
            let green = (Int(inks[4 * pixel + 1]) * black + 127) / 255
            let blue = (Int(inks[4 * pixel + 2]) * black + 127) / 255
            if channels == 3 {
                result[3 * pixel] = UInt8(red)
                result[3 * pixel + 1] = UInt8(green)
                result[3 * pixel + 2] = UInt8(blue)
            } else {
                result[pixel] = UInt8((299 * red + 587 * green + 114 * blue + 500) / 1000)
            }
        }
        return result
    }
}

/// Decompressors that wait for the next image; there are as many as threads ever decoded at once.
final class JPEGDecoderPool: Sendable {
    private let idle = Mutex<[JPEGDecoder]>([])

    /// Lends a decompressor. One that has failed does not come back: TurboJPEG 2.1 keeps the state of a header in which
    /// it found an error, and would refuse the next, good image ("two SOI markers").
    func with<Result>(_ body: (JPEGDecoder) throws -> Result) throws -> Result {
        let decoder = try idle.withLock { $0.popLast() } ?? JPEGDecoder()
        let result = try body(decoder)
        idle.withLock { $0.append(decoder) }
        return result
    }
}
