import CZeroMQ
import Glibc

/// A ZeroMQ socket with every limit set and its security decided when it is made.
///
/// **One owner thread.** libzmq ends the process when two threads touch a socket at the same time, so the class is not
/// `Sendable`: create a socket on the thread that uses it, or hand it over whole (`sending`), and let go of it there.
public final class Socket {
    /// The messaging pattern.
    public enum Kind: Sendable {
        case pair, dealer, router, push, pull, request, reply

        var code: Int32 {
            switch self {
            case .pair: ZMQ_PAIR
            case .dealer: ZMQ_DEALER
            case .router: ZMQ_ROUTER
            case .push: ZMQ_PUSH
            case .pull: ZMQ_PULL
            case .request: ZMQ_REQ
            case .reply: ZMQ_REP
            }
        }
    }

    /// libzmq's socket, for the data plane and for polling. Valid until `close`, on the owner thread only.
    public private(set) var handle: UnsafeMutableRawPointer?
    public let kind: Kind
    public let security: Security
    public let limits: SocketLimits
    /// Kept so that the context outlives its sockets.
    public let context: MessagingContext

    /// - Throws: `TransportError` if there are no descriptors left, or if a CURVE server is asked for in a context
    ///   that has no `Authenticator`: libzmq would then admit any key.
    public init(_ kind: Kind, context: MessagingContext, limits: SocketLimits, security: Security) throws {
        if case .curveServer = security, !context.authenticates {
            throw TransportError("open a CURVE server socket", cause: "its context has no authenticator")
        }
        handle = try context.openSocket(kind.code)
        self.kind = kind
        self.security = security
        self.limits = limits
        self.context = context
        // From here on an error runs deinit, which closes.
        try limits.apply(to: self)
        try security.apply(to: self)
    }

    deinit {
        close()
    }

    /// Closes the socket. Queued messages still go out for at most `limits.lingerMilliseconds`. Idempotent.
    public func close() {
        guard let handle else { return }
        self.handle = nil
        _ = zmq_close(handle)
    }

    var isClosed: Bool { handle == nil }

    func openHandle(_ operation: String) throws -> UnsafeMutableRawPointer {
        guard let handle else { throw TransportError(operation, cause: "the socket is closed", code: ENOTSOCK) }
        return handle
    }

    // MARK: Endpoints

    /// Binds and returns the endpoint with the port that the system chose: `tcp://127.0.0.1:*` takes any free one.
    ///
    /// - Throws: `TransportError`; with the holder's process id and name if the port is in use; before any bind if
    ///   the endpoint leaves this host and the socket is plain.
    @discardableResult
    public func bind(_ endpoint: String) throws -> String {
        let handle = try openHandle("bind")
        try checkPort(of: endpoint, operation: "bind")
        try security.permit(endpoint, operation: "bind")
        try allowIPv6(in: endpoint)
        try refuseTakenPath(endpoint)
        guard retryingInterrupts({ zmq_bind(handle, endpoint) }) == 0 else {
            let error = TransportError.last("bind", endpoint)
            guard error.code == EADDRINUSE else { throw error }
            throw TransportError("bind", endpoint, cause: PortHolder.explanation(for: endpoint), code: EADDRINUSE)
        }
        let bound = try string(ZMQ_LAST_ENDPOINT)
        try restrictAccess(bound)
        return bound
    }

    /// libzmq removes whatever is at an ipc path before it binds there, a living server's socket too.
    private func refuseTakenPath(_ endpoint: String) throws {
        guard endpoint.hasPrefix("ipc://"), !PortHolder.listeners(on: endpoint).isEmpty else { return }
        throw TransportError("bind", endpoint, cause: PortHolder.explanation(for: endpoint), code: EADDRINUSE)
    }

    /// Unix sockets are created for everyone that the umask lets in; ours are their owner's only.
    private func restrictAccess(_ endpoint: String) throws {
        guard let path = ipcPath(of: endpoint) else { return }
        guard chmod(path, 0o600) == 0 else { throw TransportError.system("restrict access to", endpoint) }
    }

    /// Starts connecting; libzmq goes on trying in the background until it succeeds.
    ///
    /// - Throws: `TransportError` if the endpoint is malformed, or leaves this host and the socket is plain.
    public func connect(_ endpoint: String) throws {
        let handle = try openHandle("connect to")
        try checkPort(of: endpoint, operation: "connect to")
        try security.permit(endpoint, operation: "connect to")
        try allowIPv6(in: endpoint)
        guard retryingInterrupts({ zmq_connect(handle, endpoint) }) == 0 else {
            throw TransportError.last("connect to", endpoint)
        }
    }

    /// Stops connecting to `endpoint` and drops its connection. A no-op if there is none.
    public func disconnect(_ endpoint: String) throws {
        let handle = try openHandle("disconnect from")
        if retryingInterrupts({ zmq_disconnect(handle, endpoint) }) != 0 && zmq_errno() != ENOENT {
            throw TransportError.last("disconnect from", endpoint)
        }
    }

    /// Stops listening on `endpoint` (as `bind` returned it).
    public func unbind(_ endpoint: String) throws {
        let handle = try openHandle("unbind")
        if retryingInterrupts({ zmq_unbind(handle, endpoint) }) != 0 && zmq_errno() != ENOENT {
            throw TransportError.last("unbind", endpoint)
        }
    }

    /// IPv6 is switched on only where an address asks for it, so that names and wildcards keep their IPv4 meaning.
    private func allowIPv6(in endpoint: String) throws {
        if endpoint.contains("[") { try set(ZMQ_IPV6, to: Int32(1)) }
    }
}
