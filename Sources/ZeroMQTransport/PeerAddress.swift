/// Where a rank's data port can be reached.
public struct PeerAddress: Hashable, Sendable {
    /// `tcp://host:port` or `ipc://path`.
    public let endpoint: String
    /// The key of its port; nil where connections are plain.
    public let publicKey: CurvePublicKey?

    /// - Parameters:
    ///   - endpoint: as the peer's data port was bound, with its port.
    ///   - publicKey: of that port; nil where connections are plain.
    public init(endpoint: String, publicKey: CurvePublicKey?) {
        self.endpoint = endpoint
        self.publicKey = publicKey
    }

    /// The host of its endpoint; nil of one that does not leave this one.
    var host: String? { tcpHostAndPort(of: endpoint)?.host }

    /// Whether bytes to it do not leave the host of `other`, as far as their endpoints tell: another address of the same
    /// host counts as another host.
    package func isOnHost(of other: PeerAddress) -> Bool {
        guard let host else { return true }
        return isLoopback(host) || host == other.host
    }
}
