/// A question of ZeroMQ's authentication protocol (RFC 27): may this connection be made?
struct ZAPRequest {
    static let version = Array("1.0".utf8)

    /// Matches the answer to the question; opaque.
    let id: [UInt8]
    let domain: String
    /// The peer's address, without its port; empty for ipc.
    let address: String
    let mechanism: String
    /// CURVE: the client's public key, 32 bytes.
    let credentials: [[UInt8]]

    /// - Parameter frames: version, request id, domain, address, identity, mechanism, credentials…
    /// - Returns: nil if this is no question of version 1.0.
    init?(_ frames: [[UInt8]]) {
        guard frames.count >= 6, frames[0] == Self.version else { return nil }
        id = frames[1]
        domain = String(decoding: frames[2], as: UTF8.self)
        address = String(decoding: frames[3], as: UTF8.self)
        mechanism = String(decoding: frames[5], as: UTF8.self)
        credentials = Array(frames[6...])
    }

    /// Lets the connection in, with the key it proved as its user id.
    func admission(of key: CurvePublicKey) -> [[UInt8]] {
        [Self.version, id, Array("200".utf8), Array("OK".utf8), Array(key.z85.utf8), []]
    }

    /// Turns the connection away for good: the client is told, and libzmq connects again only if it is asked to.
    var refusal: [[UInt8]] {
        [Self.version, id, Array("400".utf8), Array("key not admitted".utf8), [], []]
    }
}
