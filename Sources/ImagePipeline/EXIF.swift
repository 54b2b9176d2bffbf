/// Finds the orientation in EXIF data. Whatever is damaged or odd counts as upright; nothing here traps or throws.
enum EXIF {
    /// The orientation that a JPEG's first EXIF segment (APP1) gives.
    static func orientation(jpeg bytes: UnsafeRawBufferPointer) -> ImageOrientation {
        let signature: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]
        var segments = JPEGSegments(bytes)
        while let segment = segments.next() {
            if segment.marker == 0xE1, bytes[segment.content].starts(with: signature) {
                let tiff = segment.content.dropFirst(signature.count)
                return orientation(tiff: UnsafeRawBufferPointer(rebasing: bytes[tiff]))
            }
        }
        return .upright
    }

    /// The orientation that a PNG's eXIf chunk gives.
    static func orientation(png bytes: UnsafeRawBufferPointer) -> ImageOrientation {
        var position = 8
        while position + 12 <= bytes.count {
            let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - position - 12 else { break }
            let type = bytes[position + 4..<position + 8]
            if type.elementsEqual("eXIf".utf8) {
                return orientation(
                    tiff: UnsafeRawBufferPointer(rebasing: bytes[position + 8..<position + 8 + length]))
            }
            position += 12 + length
        }
        return .upright
    }

    /// Tag 0x0112 of the first directory of a TIFF structure (TIFF 6.0, section 2).
    static func orientation(tiff: UnsafeRawBufferPointer) -> ImageOrientation {
        guard tiff.count >= 8 else { return .upright }
        let isLittleEndian: Bool
        switch (tiff[0], tiff[1]) {
        case (0x49, 0x49): isLittleEndian = true
        case (0x4D, 0x4D): isLittleEndian = false
        default: return .upright
        }
        func number(at position: Int, bytes: Int) -> Int {
            (0..<bytes).reduce(0) { value, index in
                value << 8 | Int(tiff[position + (isLittleEndian ? bytes - 1 - index : index)])
            }
        }
        let directory = number(at: 4, bytes: 4)
        guard number(at: 2, bytes: 2) == 42, directory <= tiff.count - 2 else { return .upright }
        let entrySize = 12
        for index in 0..<number(at: directory, bytes: 2) {
            let entry = directory + 2 + entrySize * index
            guard entry <= tiff.count - entrySize else { break }
            guard number(at: entry, bytes: 2) == 0x0112 else { continue }
            // One 16-bit number, kept in the entry itself.
            guard number(at: entry + 2, bytes: 2) == 3, number(at: entry + 4, bytes: 4) == 1 else { break }
            return ImageOrientation(rawValue: UInt16(number(at: entry + 8, bytes: 2))) ?? .upright
        }
        return .upright
    }
}
