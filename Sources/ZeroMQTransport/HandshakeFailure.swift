import Glibc

/// Words for the codes of a failed handshake.
enum HandshakeFailure {
    static let protocolErrors: Int32 = 0x1000_0000
    private static let cryptographic: Int32 = 0x1100_0001
    private static let mechanismMismatch: Int32 = 0x1100_0002
    private static let authenticationErrors: Int32 = 0x2000_0000

    /// - Parameter code: the value of a monitor's event: an `errno`, or one of `ZMQ_PROTOCOL_ERROR_…`.
    static func text(_ code: Int32) -> String {
        switch code {
        case cryptographic: "wrong key"
        case mechanismMismatch: "one side is encrypted, the other is not"
        case authenticationErrors...: "the authenticator did not answer as it should"
        case protocolErrors...: "not the protocol expected, code \(String(code, radix: 16))"
        case EPIPE, ECONNRESET, 0: "the other side closed the connection, as it does on a wrong or unlisted key"
        default: String(cString: strerror(code))
        }
    }
}
