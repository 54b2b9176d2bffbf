import CZeroMQ
import Collectives
import Glibc

/// A connection to one rank's inbox.
final class NetworkLinkOutbox {
    let socket: Socket
    let monitor: SocketMonitor
    /// libzmq's descriptors: readable when there may be news.
    let fileDescriptor: Int32
    let monitorDescriptor: Int32
    /// The sequence number of the next message.
    var sequence: UInt64 = 0
    /// Whether the handshake is through.
    var isConnected = false

    /// What the system may hold of bytes that do not leave the host. Left to itself it lets up to 4 MiB pile up for a peer
    /// that is behind, which slows several ranks on one machine down (docs/benchmarks.md): most likely their piles leave
    /// the cache before they are read.
    private static let sendBytesWithinHost: Int32 = 384 << 10

    /// - Parameters:
    ///   - isHere: whether the peer is on this host.
    ///   - queuesEarly: whether messages are taken before the handshake is through. libzmq throws them away without a word
    ///     if the peer does not know our key yet.
    init(to peer: PeerAddress, isHere: Bool, of port: DataPort, queuesEarly: Bool) throws {
        let security: Security =
            if let keys = port.keys, let server = peer.publicKey {
                .curveClient(keys, server: server)
            } else {
                port.plainSecurity
            }
        var limits = port.limits
        if isHere { limits.kernelSendBytes = min(limits.kernelSendBytes ?? .max, Self.sendBytesWithinHost) }
        socket = try Socket(.push, context: port.context, limits: limits, security: security)
        try socket.set(ZMQ_IMMEDIATE, to: Int32(queuesEarly ? 0 : 1))
        monitor = try SocketMonitor(of: socket)
        fileDescriptor = try socket.value(ZMQ_FD)
        monitorDescriptor = try monitor.socket.value(ZMQ_FD)
        try socket.connect(peer.endpoint)
    }

    /// - Parameter lingerMilliseconds: how long libzmq goes on sending what is queued.
    func close(lingerMilliseconds: Int32) {
        // It can only fail on a closed socket.
        try? socket.set(ZMQ_LINGER, to: lingerMilliseconds)
        monitor.close()
        socket.close()
    }
}
