/// Reads fields from received bytes; every read is bounds checked and throws with its place. Numbers are little-endian.
///
/// A declared length is compared with its limit and with the bytes at hand before anything is copied, so a reader never
/// allocates more than the frame's own size.
public struct WireReader: Sendable {
    private let bytes: [UInt8]
    /// Offset of the next unread byte.
    public private(set) var offset = 0
    /// The message being read; begins the place of an error.
    public var context: String

    /// - Parameters:
    ///   - bytes: a whole frame.
    ///   - context: the message, for errors.
    public init(_ bytes: [UInt8], context: String) {
        self.bytes = bytes
        self.context = context
    }

    /// Bytes not yet read.
    public var remaining: Int { bytes.count - offset }

    /// The error for `field` at the present offset.
    public func failure(_ field: StaticString, _ cause: WireError.Cause) -> WireError {
        WireError(place: "\(context).\(field)", offset: offset, cause: cause)
    }

    private func require(_ count: Int, _ field: StaticString) throws(WireError) {
        guard remaining >= count else { throw failure(field, .truncated(needed: count, left: remaining)) }
    }

    /// A whole number of `type`'s width.
    ///
    /// - Throws: `WireError` with `truncated`, and nothing is read.
    public mutating func integer<Value: FixedWidthInteger>(
        _ field: StaticString, as type: Value.Type = Value.self
    ) throws(WireError) -> Value {
        let width = MemoryLayout<Value>.size
        try require(width, field)
        var value: Value = 0
        for index in 0..<width {
            value |= Value(truncatingIfNeeded: bytes[offset + index]) << Value(8 * index)
        }
        offset += width
        return value
    }

    /// A byte that is 0 or 1.
    public mutating func bool(_ field: StaticString) throws(WireError) -> Bool {
        let start = self
        switch try integer(field, as: UInt8.self) {
        case 0: return false
        case 1: return true
        case let value: throw start.failure(field, .invalidValue(UInt64(value), allowed: "0 or 1"))
        }
    }

    /// `count` bytes as they are.
    public mutating func raw(_ count: Int, _ field: StaticString) throws(WireError) -> [UInt8] {
        try require(count, field)
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// A 32-bit length and that many bytes, at most `limit`.
    public mutating func blob(limit: Int, _ field: StaticString) throws(WireError) -> [UInt8] {
        let start = self
        let length = Int(try integer(field, as: UInt32.self))
        guard length <= limit else { throw start.failure(field, .tooLong(length: length, limit: limit)) }
        guard remaining >= length else { throw start.failure(field, .truncated(needed: length, left: remaining)) }
        return try raw(length, field)
    }

    /// A 16-bit length and that many bytes of UTF-8, at most `limit`.
    public mutating func string(limit: Int, _ field: StaticString) throws(WireError) -> String {
        let start = self
        let length = Int(try integer(field, as: UInt16.self))
        guard length <= limit else { throw start.failure(field, .tooLong(length: length, limit: limit)) }
        guard remaining >= length else { throw start.failure(field, .truncated(needed: length, left: remaining)) }
        guard let text = String(validating: bytes[offset..<offset + length], as: UTF8.self) else {
            throw start.failure(field, .notUTF8)
        }
        offset += length
        return text
    }

    /// An 8-bit length, 0 or 32, and that many bytes.
    public mutating func publicKey(_ field: StaticString) throws(WireError) -> [UInt8] {
        let start = self
        let length = Int(try integer(field, as: UInt8.self))
        guard length == 0 || length == WireLimit.publicKey else {
            throw start.failure(field, .wrongLength(length, allowed: "0 or \(WireLimit.publicKey)"))
        }
        return try raw(length, field)
    }

    /// Throws unless every byte was read.
    public func end() throws(WireError) {
        guard remaining == 0 else { throw failure("end", .trailingBytes(remaining)) }
    }
}
