import CZeroMQ

/// Z85 text of 32-byte keys (ZeroMQ RFC 32).
enum Z85 {
    /// 32 bytes to 40 characters.
    static func encode(_ bytes: [UInt8]) -> String {
        var characters = [CChar](repeating: 0, count: bytes.count / 4 * 5 + 1)
        let encoded = zmq_z85_encode(&characters, bytes, bytes.count)
        precondition(encoded != nil, "Z85 takes bytes in fours")
        return text(characters)
    }

    /// - Throws: `TransportError` if `text` is not the Z85 form of 32 bytes.
    static func decodeKey(_ text: String) throws -> [UInt8] {
        guard text.utf8.count == 40 else {
            throw TransportError(
                "read a CURVE key", cause: "it has \(text.utf8.count) characters instead of Z85's 40")
        }
        var bytes = [UInt8](repeating: 0, count: 32)
        // Encoding again is what shows up every character outside the alphabet, whatever this libzmq checks itself.
        guard text.utf8.allSatisfy({ (33...126).contains($0) }), zmq_z85_decode(&bytes, text) != nil,
            encode(bytes) == text
        else {
            throw TransportError("read a CURVE key", cause: "it holds characters that Z85 does not have")
        }
        return bytes
    }

    /// A zero-terminated buffer's text.
    static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
