/// Why bytes are not a message: where in which message, and what is wrong with them.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Message and field, such as `join.host`.
    public let place: String
    /// Byte offset in the frame at which the field begins.
    public let offset: Int
    /// What is wrong there.
    public let cause: Cause

    /// What bytes can be instead of a message. Lengths count bytes.
    public enum Cause: Equatable, Sendable {
        /// The frame ends before the field does.
        case truncated(needed: Int, left: Int)
        /// A declared length or count exceeds what is allowed there.
        case tooLong(length: Int, limit: Int)
        /// A length that the field cannot have.
        case wrongLength(Int, allowed: String)
        /// A text is not UTF-8.
        case notUTF8
        /// The frame does not begin with the magic.
        case notOurs
        case unknownMessage(UInt8)
        /// A number with no meaning in this field.
        case invalidValue(UInt64, allowed: String)
        /// Bytes after the end of the message.
        case trailingBytes(Int)
    }

    /// - Parameters:
    ///   - place: message and field, such as `join.host`.
    ///   - offset: of the field's first byte in the frame.
    public init(place: String, offset: Int, cause: Cause) {
        self.place = place
        self.offset = offset
        self.cause = cause
    }

    public var description: String { "malformed frame at \(place) (byte \(offset)): \(cause)" }
}

extension WireError.Cause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let needed, let left): "\(needed) bytes needed, \(left) left"
        case .tooLong(let length, let limit): "length \(length) is over the limit of \(limit)"
        case .wrongLength(let length, let allowed): "length \(length) where \(allowed) is allowed"
        case .notUTF8: "text is not UTF-8"
        case .notOurs: "does not begin with the magic bytes MURM"
        case .unknownMessage(let id): "no message has number \(id)"
        case .invalidValue(let value, let allowed): "value \(value) where \(allowed) is allowed"
        case .trailingBytes(let count): "\(count) bytes after the end of the message"
        }
    }
}
