/// A peer of the control channel: one connection of one incarnation of a process. Equal if its routing ids are.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The routing id, 1 to 255 bytes.
    public let bytes: [UInt8]
    /// The address its last message came from, without port; nil on ipc.
    public let address: String?
    /// The CURVE key that it proved to hold; nil on a plain connection.
    public let publicKey: CurvePublicKey?

    /// A peer as it can be addressed again from its routing id alone.
    public init(bytes: [UInt8]) {
        self.init(bytes: bytes, address: nil, publicKey: nil)
    }

    init(bytes: [UInt8], address: String?, publicKey: CurvePublicKey?) {
        self.bytes = bytes
        self.address = address
        self.publicKey = publicKey
    }

    public static func == (left: PeerIdentity, right: PeerIdentity) -> Bool { left.bytes == right.bytes }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes)
    }

    /// Hexadecimal.
    public var description: String { hexadecimal(bytes) }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
