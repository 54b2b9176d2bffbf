import CZeroMQ
import Glibc

/// The coordinator's end of the control channel: one bound socket, many peers, messages of single frames.
///
/// Belongs to one thread, except for its `waker`. Messages of one peer arrive in the order in which it sent them.
/// An empty message is the channel's own probe and never shown.
public final class ControlServer {
    /// What became of a message.
    public enum Delivery: Sendable {
        /// On its way.
        case queued
        /// There is no such peer, or none any more.
        case unroutable
        /// The peer does not take its messages: its queue is full.
        case congested
    }

    /// The endpoint with the port that was really bound.
    public let boundEndpoint: String
    /// Lets other threads make `receive` return early.
    public let waker: Waker
    /// The largest message that is taken or sent (bytes).
    public let maximumMessageBytes: Int

    private let socket: Socket
    private let monitor: SocketMonitor
    private let authenticator: Authenticator?
    private let report: (String) -> Void
    private var poller: Poller
    private var peers = PeerRoster()
    private var repetitions = Repetitions<String>()

    /// Binds.
    ///
    /// - Parameters:
    ///   - endpoint: `tcp://127.0.0.1:*` takes a free port.
    ///   - security: `.plain`, on endpoints that stay on this host; or `.curveServer` in the domain `.control`.
    ///   - authenticator: the context's; messages of a key that it no longer allows are dropped.
    ///   - report: takes one-line warnings (dropped messages, failed handshakes) on the owner's thread; the same one
    ///     the 1st, 10th, 100th … time only.
    /// - Throws: `TransportError`; if the port is in use it says by whom.
    public init(
        context: MessagingContext, endpoint: String, security: Security, authenticator: Authenticator? = nil,
        limits: SocketLimits = .control, report: @escaping (String) -> Void = { _ in }
    ) throws {
        self.authenticator = authenticator
        self.report = report
        maximumMessageBytes = Int(limits.maximumFrameBytes)
        socket = try Socket(.router, context: context, limits: limits, security: security)
        // Otherwise messages to unknown peers vanish without a word.
        try socket.set(ZMQ_ROUTER_MANDATORY, to: Int32(1))
        monitor = try SocketMonitor(of: socket)
        waker = try Waker()
        boundEndpoint = try socket.bind(endpoint)
        poller = Poller()
        try poller.add(socket, events: .readable)
        try poller.add(monitor.socket, events: .readable)
        poller.add(fileDescriptor: waker.fileDescriptor, events: .readable)
    }

    /// Stops listening and closes. Messages already queued still go out, for as long as the limits' linger allows.
    public func close() {
        monitor.close()
        socket.close()
    }

    /// The next message and its sender. Waits for at most `timeoutMilliseconds` (-1: for ever).
    ///
    /// - Returns: nil if the time passed, if `wake` was called, or if a peer was lost (see `takeLostPeers`).
    /// - Throws: `TransportError` if the channel itself fails. What a peer does wrong is reported and dropped.
    public func receive(timeoutMilliseconds: Int) throws -> (PeerIdentity, [UInt8])? {
        let deadline = Deadline(afterMilliseconds: timeoutMilliseconds)
        while true {
            if waker.take() { return nil }
            if let received = try receiveNow() { return received }
            try readMonitor()
            if try findLostPeers() { return nil }
            if deadline.hasPassed { return nil }
            try poller.wait(until: deadline.earlier(of: peers.nextProbe))
        }
    }

    /// Makes `receive` return nil soon. From other threads, use `waker`.
    public func wake() {
        waker.wake()
    }

    /// Queues a message for a peer.
    ///
    /// - Parameter bytes: 1 to `maximumMessageBytes` bytes.
    /// - Throws: `TransportError` if there are too many bytes, or the channel is closed.
    @discardableResult
    public func send(_ bytes: [UInt8], to peer: PeerIdentity) throws -> Delivery {
        precondition(!bytes.isEmpty, "an empty message is the channel's own probe")
        try checkSize(of: bytes, maximum: maximumMessageBytes, operation: "send to peer \(peer)")
        return try deliver(bytes, to: peer)
    }

    /// The peers whose connections closed since the last call; each is told once.
    public func takeLostPeers() -> [PeerIdentity] {
        peers.takeLost()
    }

    // MARK: Inside

    private func deliver(_ bytes: [UInt8], to peer: PeerIdentity) throws -> Delivery {
        do {
            return try socket.send([peer.bytes, bytes]) ? .queued : .congested
        } catch let error as TransportError where error.code == EHOSTUNREACH {
            return .unroutable
        }
    }

    private func receiveNow() throws -> (PeerIdentity, [UInt8])? {
        while true {
            let message: Message
            do {
                guard let next = try socket.receiveMessage(maximumFrames: 2) else { return nil }
                message = next
            } catch let error as TransportError where error.code == EMSGSIZE {
                warn("dropped a message: \(error)")
                continue
            }
            let peer = PeerIdentity(
                bytes: message.frames[0], address: message.peerAddress, publicKey: message.peerKey)
            guard message.frames.count == 2 else {
                warn("dropped a message from peer \(peer): it has no content")
                continue
            }
            guard isAdmitted(peer) else {
                warn("dropped a message from peer \(peer): its key is no longer on the allow-list")
                continue
            }
            peers.note(peer)
            if !message.frames[1].isEmpty { return (peer, message.frames[1]) }
        }
    }

    private func warn(_ text: String) {
        let count = repetitions.note(text)
        guard Repetitions<String>.isTold(count) else { return }
        report(count == 1 ? text : "\(text) (\(count) times)")
    }

    private func isAdmitted(_ peer: PeerIdentity) -> Bool {
        guard let authenticator, socket.security.isEncrypted else { return true }
        guard let key = peer.publicKey else { return false }
        return authenticator.isAllowed(key, in: .control)
    }

    private func readMonitor() throws {
        while let event = try monitor.next() {
            switch event.kind {
            case .disconnected:
                peers.expectLoss()
            case .handshakeFailed(let code):
                warn("a connection to \(boundEndpoint) failed its handshake (\(HandshakeFailure.text(code)))")
            default:
                break
            }
        }
    }

    /// A closed connection's event does not say whose it was, but a message to that peer can no longer be routed.
    /// - Returns: whether there are lost peers to be told.
    private func findLostPeers() throws -> Bool {
        guard peers.probeIsDue else { return peers.hasLost }
        for peer in peers.startProbing() where try deliver([], to: peer) == .unroutable {
            peers.lose(peer)
        }
        return peers.hasLost
    }
}

func checkSize(of bytes: [UInt8], maximum: Int, operation: String) throws {
    guard bytes.count <= maximum else {
        throw TransportError(
            operation, cause: "the message has \(bytes.count) bytes, more than the channel's \(maximum)", code: EMSGSIZE
        )
    }
}
