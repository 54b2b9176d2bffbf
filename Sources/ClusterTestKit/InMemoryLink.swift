import Collectives
import Foundation

/// The links of one generation whose ranks are threads of this process.
///
/// It is as strict as `Link` allows: messages are shown at odd addresses, `flush` returns only when the receivers have
/// taken everything, and a buffer that changed between `send` and the moment its message is received is an error.
///
/// `@unchecked Sendable`: everything shared is behind `condition`'s lock.
public final class InMemoryNetwork: @unchecked Sendable {
    fileprivate struct Message {
        let source: Int
        /// The sender's memory, to be compared with the copy.
        let original: UnsafeRawBufferPointer
        /// Its bytes when it was sent, from offset 1 on.
        let copy: UnsafeMutableRawBufferPointer
    }

    /// What reaches one rank, under a lock of its own.
    fileprivate final class Inbox {
        let condition = NSCondition()
        /// By source, in order.
        var queues: [[Message]]

        init(size: Int) {
            queues = Array(repeating: [], count: size)
        }
    }

    public let size: Int
    fileprivate let inboxes: [Inbox]
    /// Guards everything below.
    fileprivate let condition = NSCondition()
    /// By source: messages not yet received.
    fileprivate var outstanding: [Int]
    fileprivate var left: Set<Int> = []
    /// Those that left in order: what they sent still arrives.
    fileprivate var departed: Set<Int> = []
    fileprivate var reason: String?
    private var messagesUntilAbort: Int?

    /// - Parameter abortAfterMessages: aborts all ranks when this many messages have been sent.
    public init(size: Int, abortAfterMessages: Int? = nil) {
        precondition(size > 0, "a generation has at least one rank")
        self.size = size
        inboxes = (0..<size).map { _ in Inbox(size: size) }
        outstanding = Array(repeating: 0, count: size)
        messagesUntilAbort = abortAfterMessages
    }

    deinit {
        for inbox in inboxes {
            for message in inbox.queues.joined() { message.copy.deallocate() }
        }
    }

    /// The link of a rank, for the thread that takes its part.
    public func link(rank: Int) -> InMemoryLink {
        precondition((0..<size).contains(rank), "no such rank")
        return InMemoryLink(self, rank: rank)
    }

    /// Ends all waits with `CollectiveError.aborted`.
    public func abort(_ reason: String) {
        condition.withLock { self.reason = self.reason ?? reason }
        wakeAll()
    }

    /// Why the generation was aborted; nil if it was not.
    public var abortReason: String? { condition.withLock { reason } }

    /// Runs `body` once for each rank, each on a thread of its own, and waits for all.
    ///
    /// - Returns: what each rank returned or threw.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable (any Link) throws -> Value
    ) -> [Result<Value, any Error>] {
        let results = Results<Value>(count: size)
        let threads = (0..<size).map { rank in
            Thread { results.set(rank, Result { try body(self.link(rank: rank)) }) }
        }
        for thread in threads { thread.start() }
        return results.wait()
    }

    fileprivate func wakeAll() {
        for inbox in inboxes { inbox.condition.withLock { inbox.condition.broadcast() } }
        condition.withLock { condition.broadcast() }
    }

    fileprivate func countMessage(from source: Int) {
        let isLast = condition.withLock {
            outstanding[source] += 1
            guard let left = messagesUntilAbort else { return false }
            messagesUntilAbort = left - 1
            if left == 1 { reason = reason ?? "after a set number of messages" }
            return left == 1
        }
        if isLast { wakeAll() }
    }

    fileprivate func countDelivery(from source: Int, _ count: Int = 1) {
        condition.withLock {
            outstanding[source] -= count
            if outstanding[source] == 0 { condition.broadcast() }
        }
    }

    /// - Throws: `CollectiveError.aborted`.
    fileprivate func check() throws {
        if let reason = condition.withLock({ reason }) { throw CollectiveError.aborted(reason: reason) }
    }
}

/// One rank's end of an `InMemoryNetwork`.
public final class InMemoryLink: Link {
    public let rank: Int
    public var size: Int { network.size }
    private let network: InMemoryNetwork

    fileprivate init(_ network: InMemoryNetwork, rank: Int) {
        self.network = network
        self.rank = rank
    }

    /// Sends a copy, and remembers the buffer: the receiver looks whether it was left as it was until then. Never waits.
    ///
    /// - Throws: `CollectiveError.aborted`.
    public func send(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws {
        precondition(peer != rank && (0..<size).contains(peer), "rank \(rank) sends to \(peer) of \(size)")
        try network.check()
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 1, alignment: 16)
        UnsafeMutableRawBufferPointer(rebasing: copy[1...]).copyMemory(from: bytes)
        network.countMessage(from: rank)
        let inbox = network.inboxes[peer]
        inbox.condition.withLock {
            inbox.queues[rank].append(InMemoryNetwork.Message(source: rank, original: bytes, copy: copy))
            inbox.condition.broadcast()
        }
    }

    /// - Throws: `CollectiveError`: `aborted`; `peerLost` once the peer has closed or cancelled its link and sent nothing more;
    ///   `transport` if it changed the buffer too early; and what `body` throws.
    public func receive(from peer: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let inbox = network.inboxes[rank]
        let message = try inbox.condition.withLock {
            while inbox.queues[peer].isEmpty {
                try network.check()
                if network.condition.withLock({ network.left.contains(peer) }) {
                    throw CollectiveError.peerLost(rank: peer, reason: "it cancelled its link")
                }
                if network.condition.withLock({ network.departed.contains(peer) }) {
                    throw CollectiveError.peerLost(rank: peer, reason: "it has left the generation in order")
                }
                inbox.condition.wait()
            }
            let message = inbox.queues[peer].removeFirst()
            // Under the lock, so that a cancel does not free the memory meanwhile.
            let bytes = UnsafeRawBufferPointer(rebasing: message.copy[1...])
            guard isEqual(bytes, message.original) else {
                throw CollectiveError(.transport("rank \(peer) changed a buffer before it was delivered"))
            }
            return message
        }
        defer { message.copy.deallocate() }
        network.countDelivery(from: peer)
        try body(UnsafeRawBufferPointer(rebasing: message.copy[1...]))
    }

    /// - Throws: `CollectiveError.aborted`.
    public func hasArrived(from peer: Int) throws -> Bool {
        try network.check()
        let inbox = network.inboxes[rank]
        return inbox.condition.withLock { !inbox.queues[peer].isEmpty }
    }

    /// Waits until all that was sent is received.
    ///
    /// - Throws: `CollectiveError`: `aborted`, and `peerLost` once any rank has cancelled its link.
    public func flush() throws {
        try network.condition.withLock {
            while network.outstanding[rank] > 0 {
                if let reason = network.reason { throw CollectiveError.aborted(reason: reason) }
                // Whoever left will not take its messages any more; those who wait for it are told.
                guard network.left.isEmpty else {
                    throw CollectiveError.peerLost(rank: network.left.first ?? 0, reason: "it cancelled its link")
                }
                network.condition.wait()
            }
        }
    }

    /// Ends the link in order, when all its collectives are done.
    public func close() {
        network.condition.withLock { _ = network.departed.insert(rank) }
        network.wakeAll()
    }

    /// Takes back what nobody has received yet; those who wait for this rank are told that it is lost.
    public func cancel() {
        for inbox in network.inboxes {
            inbox.condition.withLock {
                for message in inbox.queues[rank] { message.copy.deallocate() }
                inbox.queues[rank] = []
            }
        }
        network.condition.withLock {
            network.outstanding[rank] = 0
            _ = network.left.insert(rank)
        }
        network.wakeAll()
    }
}

private func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard let a = left.baseAddress, let b = right.baseAddress, left.count == right.count else {
        return left.count == right.count
    }
    return memcmp(a, b, left.count) == 0
}

/// Collects the results of threads.
///
/// `@unchecked Sendable`: everything shared is behind `condition`'s lock.
private final class Results<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var results: [Result<Value, any Error>?]
    private var missing: Int

    init(count: Int) {
        results = Array(repeating: nil, count: count)
        missing = count
    }

    func set(_ index: Int, _ result: Result<Value, any Error>) {
        condition.withLock {
            results[index] = result
            missing -= 1
            condition.broadcast()
        }
    }

    func wait() -> [Result<Value, any Error>] {
        condition.withLock {
            while missing > 0 { condition.wait() }
            return results.compactMap { $0 }
        }
    }
}
