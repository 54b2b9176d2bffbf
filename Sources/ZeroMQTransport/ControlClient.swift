import CSodium
import CZeroMQ
import Glibc

/// A worker's end of the control channel: one connection to the coordinator, made again by itself when it breaks, and
/// from within `receive` when it was refused. Messages queued on a refused connection are gone.
///
/// Its identity is fresh with every object, so that the coordinator never takes a restarted worker for its former self.
/// Belongs to one thread, except for its `waker`. An empty message is the channel's own probe and never shown.
public final class ControlClient {
    /// How the connection stands.
    public enum LinkState: Sendable, Equatable {
        case connecting
        case connected
        /// It was lost; libzmq tries to make it again.
        case disconnected
    }

    /// 16 random bytes after a leading one; routes the coordinator's messages here.
    public let identity: PeerIdentity
    /// Lets other threads make `receive` return early.
    public let waker: Waker
    /// The largest message that is taken or sent (bytes).
    public let maximumMessageBytes: Int
    public let endpoint: String

    public private(set) var linkState = LinkState.connecting
    /// Why there is no connection, as far as known; nil while connected. For the message of a join that timed out.
    public private(set) var linkTrouble: String?
    /// Whether the coordinator turned our key away the last time it was shown. Dialling goes on all the same.
    public private(set) var isRefused = false

    private let socket: Socket
    private let monitor: SocketMonitor
    private var poller: Poller
    /// When to connect anew after libzmq gave up; nil: it has not.
    private var redial: Deadline?

    private static let redialMilliseconds = 500

    /// Starts connecting; messages sent meanwhile wait.
    ///
    /// - Parameters:
    ///   - endpoint: the coordinator's.
    ///   - security: `.plain`, to endpoints on this host; or `.curveClient`.
    /// - Throws: `TransportError`.
    public init(
        context: MessagingContext, endpoint: String, security: Security, limits: SocketLimits = .control
    ) throws {
        self.endpoint = endpoint
        maximumMessageBytes = Int(limits.maximumFrameBytes)
        socket = try Socket(.dealer, context: context, limits: limits, security: security)
        var random = [UInt8](repeating: 0, count: 16)
        randombytes_buf(&random, random.count)
        // A leading zero is kept for identities that libzmq makes up.
        identity = PeerIdentity(bytes: [1] + random)
        try socket.set(ZMQ_ROUTING_ID, to: identity.bytes)
        monitor = try SocketMonitor(of: socket)
        waker = try Waker()
        try socket.connect(endpoint)
        poller = Poller()
        try poller.add(socket, events: .readable)
        try poller.add(monitor.socket, events: .readable)
        poller.add(fileDescriptor: waker.fileDescriptor, events: .readable)
    }

    /// Closes. Messages already queued still go out, for as long as the limits' linger allows.
    public func close() {
        monitor.close()
        socket.close()
    }

    /// The coordinator's next message. Waits for at most `timeoutMilliseconds` (-1: for ever).
    ///
    /// - Returns: nil if the time passed, if `wake` was called, or if `linkState` changed (look at it after each call).
    /// - Throws: `TransportError` if the channel itself fails.
    public func receive(timeoutMilliseconds: Int) throws -> [UInt8]? {
        let deadline = Deadline(afterMilliseconds: timeoutMilliseconds)
        while true {
            if waker.take() { return nil }
            if let bytes = try receiveNow() {
                try readMonitor()
                return bytes
            }
            let before = linkState
            try readMonitor()
            try redialIfDue()
            if linkState != before || deadline.hasPassed { return nil }
            try poller.wait(until: deadline.earlier(of: redial))
        }
    }

    /// Makes `receive` return nil soon. From other threads, use `waker`.
    public func wake() {
        waker.wake()
    }

    /// Queues a message for the coordinator.
    ///
    /// - Parameter bytes: 1 to `maximumMessageBytes` bytes.
    /// - Returns: false if it was not queued: the coordinator has not taken the earlier ones, or refuses our key.
    /// - Throws: `TransportError` if there are too many bytes, or the channel is closed.
    @discardableResult
    public func send(_ bytes: [UInt8]) throws -> Bool {
        precondition(!bytes.isEmpty, "an empty message is the channel's own probe")
        try checkSize(of: bytes, maximum: maximumMessageBytes, operation: "send to \(endpoint)")
        return try socket.send(bytes)
    }

    private func receiveNow() throws -> [UInt8]? {
        while let frames = try socket.receive() {
            if frames.count == 1, !frames[0].isEmpty { return frames[0] }
        }
        return nil
    }

    private func redialIfDue() throws {
        guard let redial, redial.hasPassed else { return }
        self.redial = nil
        try socket.disconnect(endpoint)
        try socket.connect(endpoint)
    }

    private func readMonitor() throws {
        while let event = try monitor.next() {
            if event.endsConnecting { redial = Deadline(afterMilliseconds: Self.redialMilliseconds) }
            switch event.kind {
            case .handshakeSucceeded:
                linkState = .connected
                linkTrouble = nil
                isRefused = false
            case .handshakeRefused:
                isRefused = true
                linkTrouble = "\(endpoint) refuses our key: it is not on the coordinator's allow-list"
            case .handshakeFailed(let code):
                linkTrouble = "the handshake with \(endpoint) failed (\(HandshakeFailure.text(code)))"
            case .disconnected:
                if linkState == .connected {
                    linkTrouble = "the connection to \(endpoint) was lost"
                    linkState = .disconnected
                }
            case .connectRetried:
                if linkTrouble == nil { linkTrouble = "nobody answers at \(endpoint)" }
            case .connected, .accepted:
                break
            }
        }
    }
}
