import CZeroMQ
import Glibc

/// Waits for sockets and file descriptors together. Belongs to the thread that owns the sockets.
public struct Poller {
    /// What to wait for, and what was found.
    public struct Events: OptionSet, Sendable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }
        public static let readable = Events(rawValue: Int16(ZMQ_POLLIN))
        public static let writable = Events(rawValue: Int16(ZMQ_POLLOUT))
        /// File descriptors only.
        public static let failed = Events(rawValue: Int16(ZMQ_POLLERR))
    }

    private var items: [zmq_pollitem_t] = []
    /// Kept so that a polled handle stays valid.
    private var sockets: [Socket] = []

    public init() {}

    /// Adds a socket.
    /// - Returns: its index in what `wait` returns.
    /// - Throws: `TransportError` if the socket is closed.
    @discardableResult
    public mutating func add(_ socket: Socket, events: Events) throws -> Int {
        items.append(
            zmq_pollitem_t(socket: try socket.openHandle("poll"), fd: -1, events: events.rawValue, revents: 0))
        sockets.append(socket)
        return items.count - 1
    }

    /// Adds a file descriptor, which must stay open.
    /// - Returns: its index in what `wait` returns.
    @discardableResult
    public mutating func add(fileDescriptor: Int32, events: Events) -> Int {
        items.append(zmq_pollitem_t(socket: nil, fd: fileDescriptor, events: events.rawValue, revents: 0))
        return items.count - 1
    }

    /// Changes what is waited for at `index`; none: the item is passed over.
    public mutating func setEvents(_ events: Events, at index: Int) {
        items[index].events = events.rawValue
    }

    /// Waits until something is ready, at most `timeoutMilliseconds` (-1: for ever).
    ///
    /// - Returns: what was found, by index; all empty if the time passed.
    /// - Throws: `TransportError` if a socket was closed meanwhile.
    public mutating func wait(timeoutMilliseconds: Int) throws -> [Events] {
        try wait(until: Deadline(afterMilliseconds: timeoutMilliseconds))
        return items.map { Events(rawValue: $0.revents) }
    }

    /// - Returns: the number of items that are ready.
    @discardableResult
    mutating func wait(until deadline: Deadline) throws -> Int {
        let count = Int32(items.count)
        let ready = items.withUnsafeMutableBufferPointer { items in
            retryingInterrupts { zmq_poll(items.baseAddress, count, deadline.remainingMilliseconds) }
        }
        guard ready >= 0 else { throw TransportError.last("poll") }
        return Int(ready)
    }

    /// Waits for one socket.
    /// - Returns: whether it is ready before the deadline.
    static func wait(for socket: Socket, events: Events, until deadline: Deadline) throws -> Bool {
        var poller = Poller()
        try poller.add(socket, events: events)
        return try poller.wait(until: deadline) > 0
    }
}
