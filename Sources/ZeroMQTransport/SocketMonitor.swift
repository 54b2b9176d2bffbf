import CZeroMQ
import Glibc
import Synchronization

/// Tells what happens to a socket's connections: made, refused, closed. A closed link shows within milliseconds.
///
/// Belongs to the thread that owns the socket, and is closed before it.
public final class SocketMonitor {
    /// Something that happened to a connection.
    public struct Event: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            case connected
            case accepted
            /// The handshake, including CURVE's, succeeded: messages flow.
            case handshakeSucceeded
            /// The peer's authenticator refused our key; its status (400 is a refusal).
            case handshakeRefused(status: Int32)
            /// The connection closed in mid-handshake (an `errno`), or the peer did not speak the protocol, or not with
            /// the right keys (`ZMQ_PROTOCOL_ERROR_…`).
            case handshakeFailed(code: Int32)
            /// The connection closed or was lost.
            case disconnected
            /// Nobody answered; libzmq tries again.
            case connectRetried
        }

        public let kind: Kind
        /// Our own endpoint where we are bound, the peer's where we connect.
        public let endpoint: String

        /// Whether libzmq has given up a connection that we made: it does so after a refusal or a breach of the
        /// protocol, and only a new `connect` tries again. After anything else it goes on by itself.
        public var endsConnecting: Bool {
            switch kind {
            case .handshakeRefused: true
            case .handshakeFailed(let code): code >= HandshakeFailure.protocolErrors
            default: false
            }
        }
    }

    /// For polling next to other sockets.
    public let socket: Socket
    private let monitored: Socket

    private static let numbers = Atomic<UInt64>(0)

    private static let watched =
        ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED
        | handshakeSucceeded | handshakeFailedNoDetail | handshakeFailedProtocol | handshakeFailedAuthentication

    /// - Throws: `TransportError`.
    public init(of monitored: Socket) throws {
        let number = Self.numbers.add(1, ordering: .relaxed).newValue
        let endpoint = "inproc://murmur-monitor-\(number)"
        guard zmq_socket_monitor(try monitored.openHandle("monitor"), endpoint, Self.watched) == 0 else {
            throw TransportError.last("monitor a socket")
        }
        self.monitored = monitored
        socket = try Socket(.pair, context: monitored.context, limits: .events, security: .plain)
        try socket.connect(endpoint)
    }

    deinit {
        close()
    }

    /// Stops the events. Idempotent.
    public func close() {
        guard !socket.isClosed else { return }
        if let handle = monitored.handle { zmq_socket_monitor(handle, nil, 0) }
        socket.close()
    }

    /// The next event; nil if there is none now.
    ///
    /// - Throws: `TransportError` if the monitor is closed.
    public func next() throws -> Event? {
        while let frames = try socket.receive() {
            if let event = Self.parse(frames) { return event }
        }
        return nil
    }

    /// Frame 0: event (16 bits) and value (32 bits) in the host's byte order; frame 1: endpoint.
    private static func parse(_ frames: [[UInt8]]) -> Event? {
        guard frames.count == 2, frames[0].count == 6 else { return nil }
        let (number, value) = frames[0].withUnsafeBytes {
            (Int32($0.loadUnaligned(as: UInt16.self)), $0.loadUnaligned(fromByteOffset: 2, as: Int32.self))
        }
        let kind: Event.Kind
        switch number {
        case ZMQ_EVENT_CONNECTED: kind = .connected
        case ZMQ_EVENT_ACCEPTED: kind = .accepted
        case ZMQ_EVENT_DISCONNECTED: kind = .disconnected
        case ZMQ_EVENT_CONNECT_RETRIED: kind = .connectRetried
        case handshakeSucceeded: kind = .handshakeSucceeded
        case handshakeFailedAuthentication: kind = .handshakeRefused(status: value)
        case handshakeFailedNoDetail, handshakeFailedProtocol: kind = .handshakeFailed(code: value)
        default: return nil
        }
        return Event(kind: kind, endpoint: String(decoding: frames[1], as: UTF8.self))
    }
}

// zmq.h defines these in terms of the draft API's switch, in a form that is not imported everywhere.
private let handshakeFailedNoDetail: Int32 = 0x0800
private let handshakeSucceeded: Int32 = 0x1000
private let handshakeFailedProtocol: Int32 = 0x2000
private let handshakeFailedAuthentication: Int32 = 0x4000
