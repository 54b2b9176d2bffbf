import CZeroMQ

/// Every bound that a socket is under. All sockets get theirs here and nowhere else.
///
/// libzmq's defaults bound neither a frame nor a stalled handshake; a peer that is not even authenticated yet could
/// make a socket buffer hundreds of mebibytes by declaring a huge frame.
public struct SocketLimits: Sendable, Equatable {
    /// The largest frame taken from a peer (bytes); a larger one closes the connection as soon as it is declared.
    /// It bounds a frame and not a message: our messages are single frames, or a bounded number of them.
    public var maximumFrameBytes: Int64
    /// Messages queued towards one peer before sending would block.
    public var sendQueueMessages: Int32
    /// Messages queued from one peer before reading from its connection stops.
    public var receiveQueueMessages: Int32
    /// How long a closed socket goes on trying to deliver its last messages.
    public var lingerMilliseconds: Int32
    /// How long a connection may take to introduce itself; libzmq's default is 30 s.
    public var handshakeMilliseconds: Int32
    /// How often an idle connection is probed, so that half-open ones are noticed.
    public var heartbeatMilliseconds: Int32
    /// How long after a probe without any answer the connection is closed.
    public var heartbeatTimeoutMilliseconds: Int32
    /// The first and the longest pause between attempts to reconnect.
    public var reconnectMilliseconds: Int32
    public var reconnectMaximumMilliseconds: Int32
    /// What the system holds of messages to one peer; nil: as much as it likes.
    public var kernelSendBytes: Int32?

    public init(
        maximumFrameBytes: Int64, sendQueueMessages: Int32, receiveQueueMessages: Int32,
        lingerMilliseconds: Int32 = 1000, handshakeMilliseconds: Int32 = 3000, heartbeatMilliseconds: Int32 = 1000,
        heartbeatTimeoutMilliseconds: Int32 = 5000, reconnectMilliseconds: Int32 = 20,
        reconnectMaximumMilliseconds: Int32 = 1000
    ) {
        self.maximumFrameBytes = maximumFrameBytes
        self.sendQueueMessages = sendQueueMessages
        self.receiveQueueMessages = receiveQueueMessages
        self.lingerMilliseconds = lingerMilliseconds
        self.handshakeMilliseconds = handshakeMilliseconds
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.heartbeatTimeoutMilliseconds = heartbeatTimeoutMilliseconds
        self.reconnectMilliseconds = reconnectMilliseconds
        self.reconnectMaximumMilliseconds = reconnectMaximumMilliseconds
    }

    /// Small messages between the coordinator and its workers.
    public static let control = SocketLimits(
        maximumFrameBytes: 1 << 20, sendQueueMessages: 1000, receiveQueueMessages: 1000)

    /// Chunks of gradients and embeddings between neighbours: few and large. Nothing is worth delivering once the
    /// collective that it belongs to is over.
    public static let data = SocketLimits(
        maximumFrameBytes: 8 << 20, sendQueueMessages: 64, receiveQueueMessages: 64, lingerMilliseconds: 0)

    /// A socket's own events, which come from libzmq and not from a peer. Unbounded: if their queue were full, libzmq's
    /// I/O thread, and with it every connection, would wait for whoever reads them.
    static let events = SocketLimits(
        maximumFrameBytes: 1 << 10, sendQueueMessages: 0, receiveQueueMessages: 0, lingerMilliseconds: 0)

    func apply(to socket: Socket) throws {
        // Frames are copied into a buffer of their declared size, so the bound is what protects memory.
        try socket.set(ZMQ_MAXMSGSIZE, to: maximumFrameBytes)
        try socket.set(ZMQ_SNDHWM, to: sendQueueMessages)
        try socket.set(ZMQ_RCVHWM, to: receiveQueueMessages)
        try socket.set(ZMQ_LINGER, to: lingerMilliseconds)
        if let kernelSendBytes { try socket.set(ZMQ_SNDBUF, to: kernelSendBytes) }
        try socket.set(ZMQ_HANDSHAKE_IVL, to: handshakeMilliseconds)
        try socket.set(ZMQ_HEARTBEAT_IVL, to: heartbeatMilliseconds)
        try socket.set(ZMQ_HEARTBEAT_TIMEOUT, to: heartbeatTimeoutMilliseconds)
        // What we ask of the peer: close its side too if it hears nothing from us for this long. In tenths of a second
        // on the wire, at most 6553 of them.
        try socket.set(ZMQ_HEARTBEAT_TTL, to: min(heartbeatTimeoutMilliseconds, 655_300))
        try socket.set(ZMQ_RECONNECT_IVL, to: reconnectMilliseconds)
        try socket.set(ZMQ_RECONNECT_IVL_MAX, to: reconnectMaximumMilliseconds)
    }
}
