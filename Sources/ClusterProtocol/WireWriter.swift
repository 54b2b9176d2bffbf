/// Appends fields to a frame in the layout that `WireReader` reads.
///
/// A text that is too long is cut at a character, since a cut reason is better than none. A blob or a key of a wrong
/// length is a mistake of the caller and traps.
public struct WireWriter: Sendable {
    /// The frame so far.
    public private(set) var bytes: [UInt8] = []

    /// An empty frame.
    public init() {}

    /// Little-endian, in the value's own width.
    public mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        for index in 0..<MemoryLayout<Value>.size {
            bytes.append(UInt8(truncatingIfNeeded: value >> Value(8 * index)))
        }
    }

    /// One byte, 0 or 1.
    public mutating func bool(_ value: Bool) {
        bytes.append(value ? 1 : 0)
    }

    /// Bytes as they are; the reader has to know how many.
    public mutating func raw(_ value: [UInt8]) {
        bytes += value
    }

    /// The length in four bytes, then the bytes; traps beyond `limit` bytes.
    public mutating func blob(_ value: [UInt8], limit: Int) {
        precondition(value.count <= limit, "a blob of \(value.count) bytes is over its limit of \(limit)")
        integer(UInt32(value.count))
        raw(value)
    }

    /// The length of the UTF-8 in two bytes, then the UTF-8, cut to `limit` bytes.
    public mutating func string(_ value: String, limit: Int) {
        let text = value.cut(toUTF8Count: limit)
        integer(UInt16(text.utf8.count))
        bytes += text.utf8
    }

    /// The length in one byte, then the key: 32 bytes, or none.
    public mutating func publicKey(_ value: [UInt8]) {
        precondition(
            value.isEmpty || value.count == WireLimit.publicKey, "a public key has 0 or \(WireLimit.publicKey) bytes")
        integer(UInt8(value.count))
        raw(value)
    }
}

extension String {
    /// The longest prefix of whole Unicode scalars with at most `limit` bytes of UTF-8.
    func cut(toUTF8Count limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil {
            end = utf8.index(before: end)
        }
        return String(self[..<end])
    }
}
