import CZeroMQ
import Glibc
import Synchronization

/// A libzmq context: its I/O threads, and the room in which `inproc` endpoints meet.
///
/// One per process is the rule. Sockets keep their context alive; the last one to go ends it. Ending waits until the
/// sockets' last messages are out, at most as long as their `SocketLimits.lingerMilliseconds` say.
///
/// `@unchecked Sendable`: the handle never changes, libzmq documents contexts as safe to share between threads, and
/// the only mutable state is behind a mutex.
public final class MessagingContext: @unchecked Sendable {
    /// libzmq's context, for calls that this module does not wrap. Valid for as long as this object.
    public let handle: UnsafeMutableRawPointer
    /// What the names of its threads begin with: a number of its own within the process.
    let threadPrefix: Int32

    private struct State {
        var socketsOpened = 0
        var authenticates = false
        var isTerminated = false
    }

    private let state = Mutex(State())
    private static let made = Atomic<Int32>(0)

    /// - Parameter ioThreads: threads that move bytes. One carries about 1 GB/s encrypted, 4 GB/s plain.
    /// - Throws: `TransportError` if the system grants no more threads or descriptors.
    public init(ioThreads: Int = 1) throws {
        precondition(ioThreads > 0, "a context without I/O threads reaches only inproc endpoints")
        guard let handle = zmq_ctx_new() else { throw TransportError.last("create a messaging context") }
        guard zmq_ctx_set(handle, ZMQ_IO_THREADS, Int32(clamping: ioThreads)) == 0 else {
            let error = TransportError.last("set the number of I/O threads")
            zmq_ctx_term(handle)
            throw error
        }
        self.handle = handle
        threadPrefix = Self.made.add(1, ordering: .relaxed).newValue
        // It can only fail for a number below 0.
        zmq_ctx_set(handle, ZMQ_THREAD_NAME_PREFIX, threadPrefix)
    }

    deinit {
        terminate()
    }

    /// Ends the context now instead of with its last user; returns once the closed sockets' last messages are out or
    /// their time to linger is over. Idempotent.
    ///
    /// Close all sockets and stop the authenticator first: it waits for them.
    public func terminate() {
        let isFirst = state.withLock { state in
            defer { state.isTerminated = true }
            return !state.isTerminated
        }
        if isFirst { _ = retryingInterrupts { zmq_ctx_term(handle) } }
    }

    /// Whether an `Authenticator` decides who may connect. CURVE servers are refused without one.
    public var authenticates: Bool { state.withLock { $0.authenticates } }

    func openSocket(_ kind: Int32) throws -> UnsafeMutableRawPointer {
        // Under the lock, so that the context cannot end under the call.
        let socket: Result<UInt, TransportError> = state.withLock { state in
            guard !state.isTerminated else {
                return .failure(
                    TransportError("open a socket", cause: "the messaging context has ended", code: contextEnded))
            }
            guard let socket = zmq_socket(handle, kind) else { return .failure(TransportError.last("open a socket")) }
            state.socketsOpened += 1
            return .success(UInt(bitPattern: socket))
        }
        return UnsafeMutableRawPointer(bitPattern: try socket.get())!
    }

    /// Reserves the context's one place for an authenticator.
    ///
    /// - Throws: `TransportError` if there is one already, or a socket was opened before it: that socket's first
    ///   peers might have been admitted unasked.
    func claimAuthentication() throws {
        try state.withLock { state in
            guard !state.authenticates else {
                throw TransportError("start an authenticator", cause: "this messaging context has one already")
            }
            guard state.socketsOpened == 0 else {
                throw TransportError(
                    "start an authenticator", cause: "it must come before the context's first socket")
            }
            state.authenticates = true
        }
    }
}

/// libzmq's "context was terminated": `ZMQ_HAUSNUMERO + 53` of zmq.h.
private let contextEnded: Int32 = 156_384_712 + 53
