import CZeroMQ

/// Whether a socket's connections are encrypted, and who its peers must be.
public enum Security: Sendable {
    /// Neither encrypted nor authenticated. Allowed on endpoints that do not leave this host, and only there.
    case plain
    /// Neither encrypted nor authenticated on whatever endpoint, because the operator said that nobody else is on the
    /// network.
    case trustedNetwork
    /// Peers encrypt towards this key pair, and the context's `Authenticator` decides by `domain` which keys may enter.
    case curveServer(CurveKeyPair, domain: AuthenticationDomain)
    /// We show our own key pair, and the peer must hold the secret of `server`.
    case curveClient(CurveKeyPair, server: CurvePublicKey)

    public var isEncrypted: Bool {
        switch self {
        case .plain, .trustedNetwork: false
        case .curveServer, .curveClient: true
        }
    }

    /// Refuses a plain socket on an endpoint that leaves this host.
    func permit(_ endpoint: String, operation: String) throws {
        guard case .plain = self, requiresEncryption(endpoint) else { return }
        throw TransportError(
            operation, endpoint,
            cause: "the address leaves this host and the socket is not encrypted; use CURVE keys or a loopback address")
    }

    func apply(to socket: Socket) throws {
        switch self {
        case .plain, .trustedNetwork:
            break
        case .curveServer(let keys, let domain):
            try socket.set(ZMQ_CURVE_SERVER, to: Int32(1))
            try socket.set(ZMQ_CURVE_SECRETKEY, to: keys.secretBytes)
            try socket.set(ZMQ_ZAP_DOMAIN, to: Array(domain.rawValue.utf8))
            // Without it, a server that finds no authenticator admits everyone. The option works in releases although
            // zmq.h lists it among the drafts.
            try socket.set(zapEnforceDomain, to: Int32(1))
        case .curveClient(let keys, let server):
            try socket.set(ZMQ_CURVE_SERVERKEY, to: server.bytes)
            try socket.set(ZMQ_CURVE_PUBLICKEY, to: keys.publicKey.bytes)
            try socket.set(ZMQ_CURVE_SECRETKEY, to: keys.secretBytes)
        }
    }
}

/// Which allow-list a server socket asks.
public enum AuthenticationDomain: String, Sendable, CaseIterable, Hashable {
    /// The coordinator's port: everyone whom the operator admits.
    case control = "murmur-control"
    /// A worker's data port: the members of the generation.
    case data = "murmur-data"
}

/// `ZMQ_ZAP_ENFORCE_DOMAIN`, which zmq.h shows only with the draft API switched on.
private let zapEnforceDomain: Int32 = 93
