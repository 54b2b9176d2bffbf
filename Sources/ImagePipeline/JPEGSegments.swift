/// The segments of a JPEG before its image data, one after the other; ends early where the structure is damaged.
struct JPEGSegments {
    private let bytes: UnsafeRawBufferPointer
    /// Where the next marker is expected; after the last segment, where the image data begin.
    private(set) var position = 2

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func next() -> (marker: UInt8, content: Range<Int>)? {
        while position + 4 <= bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            if marker == 0xFF {
                // A fill byte before a marker.
                position += 1
                continue
            }
            let startOfScan: UInt8 = 0xDA
            let endOfImage: UInt8 = 0xD9
            if marker == startOfScan || marker == endOfImage { return nil }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            guard length >= 2, position + 2 + length <= bytes.count else { return nil }
            let content = position + 4..<position + 2 + length
            position = content.upperBound
            return (marker, content)
        }
        return nil
    }

    /// Whether the image data are followed by the marker that ends an image.
    static func hasEnd(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var segments = JPEGSegments(bytes)
        while segments.next() != nil {}
        var position = bytes.count - 2
        while position > segments.position {
            if bytes[position] == 0xFF && bytes[position + 1] == 0xD9 { return true }
            position -= 1
        }
        return false
    }
}
