import CZeroMQ
import Collectives
import Glibc

/// What a network link waits with.
struct NetworkLinkWaiting {
    /// [0]: abort; [1]: what is waited for; [2]: the inbox while waiting for room; then the monitors.
    fileprivate var descriptors: [pollfd]
    /// The ranks whose monitors `descriptors[3...]` are.
    fileprivate var monitored: [Int] = []
    fileprivate let inboxDescriptor: Int32
    fileprivate let patience: Patience
    fileprivate var burst = MessageBurst()
    /// Where this rank's threads meet in a burst; nil where they have cores enough.
    fileprivate let home: HomeCore?
    /// Whether the last message that came was short: the next one is likely to be of its kind.
    fileprivate var expectsShort = true

    /// How a message is asked for again and again before sleeping.
    fileprivate struct Patience {
        var time: Duration
        /// Whether to offer the core to others between two questions; it is then done for short messages only, since long
        /// ones keep the cores busy.
        var yields: Bool
    }

    init(port: DataPort, abort: AbortSignal, peers: [PeerAddress], rank: Int) throws {
        inboxDescriptor = try port.inbox.value(ZMQ_FD)
        let none = pollfd(fd: -1, events: Int16(POLLIN), revents: 0)
        descriptors = [pollfd(fd: abort.fileDescriptor, events: Int16(POLLIN), revents: 0), none, none]
        let here = peers.indices.filter { peers[$0].isOnHost(of: peers[rank]) }
        patience = Self.patience(ranksHere: here.count)
        let hostsBefore = Set(peers[..<here[0]].map(\.host)).count
        home =
            patience.yields
            ? HomeCore(
                of: port.context, index: here.firstIndex(of: rank)!, ranks: here.count, shift: hostsBefore)
            : nil
    }

    /// What is waited for is likely to be a short message.
    fileprivate mutating func shortWaitBegins(_ home: HomeCore) {
        burst.waitBegins(at: .now)
        guard burst.isOn else { return home.releaseIOThreads() }
        home.keepIOThreads()
        home.bringCallingThread()
    }

    fileprivate mutating func shortWaitEnds() {
        burst.waitEnds(at: .now)
    }

    /// A message came.
    mutating func noteArrival(bytes: Int) {
        expectsShort = bytes <= NetworkLink.copiedBytes
        if !expectsShort { endBurst() }
    }

    /// Something else than short messages is sent, came or is waited for, or nothing any more.
    mutating func endBurst() {
        burst.end()
        home?.releaseIOThreads()
    }

    /// Whether to sleep at once: others of this rank's core stay awake.
    fileprivate var leavesCoreToOthers: Bool { burst.isOn && home?.isFirst == false }

    /// Watches a rank's monitor, in place of its monitor before if it had one.
    mutating func watch(_ monitorDescriptor: Int32, of peer: Int) {
        let entry = pollfd(fd: monitorDescriptor, events: Int16(POLLIN), revents: 0)
        if let index = monitored.firstIndex(of: peer) {
            descriptors[3 + index] = entry
        } else {
            descriptors.append(entry)
            monitored.append(peer)
        }
    }

    /// A sleep and a wake-up cost some 10 µs each. Spinning saves them where this host has a core for every rank on it
    /// and for its I/O thread. With fewer it would take the core from the very thread that brings the message, unless
    /// that is offered the core in between.
    private static func patience(ranksHere: Int) -> Patience {
        if CoreSet.coresOfMachine >= 2 * ranksHere { return Patience(time: .microseconds(20), yields: false) }
        return Patience(time: .microseconds(100), yields: true)
    }
}

extension NetworkLink {
    enum Awaited {
        /// A frame in the inbox.
        case message
        /// Room in an outbox' queue, or a frame in the inbox.
        case room(NetworkLinkOutbox)
        /// The release of the last buffer.
        case release
    }

    /// Returns when what is awaited may be there; ask again then.
    ///
    /// - Throws: `CollectiveError` on abort, and if a peer was lost.
    func wait(for awaited: Awaited) throws {
        guard let home = waiting.home, case .message = awaited, waiting.expectsShort else {
            waiting.endBurst()
            return try waitOnce(for: awaited)
        }
        waiting.shortWaitBegins(home)
        try waitOnce(for: awaited)
        waiting.shortWaitEnds()
    }

    private func waitOnce(for awaited: Awaited) throws {
        switch awaited {
        case .message:
            if try spin() || isReady(port.inbox, ZMQ_POLLIN) { return }
            waiting.descriptors[1].fd = waiting.inboxDescriptor
            waiting.descriptors[2].fd = -1
        case .room(let outbox):
            if try isReady(outbox.socket, ZMQ_POLLOUT) || isReady(port.inbox, ZMQ_POLLIN) { return }
            waiting.descriptors[1].fd = outbox.fileDescriptor
            waiting.descriptors[2].fd = waiting.inboxDescriptor
        case .release:
            waiting.descriptors[1].fd = ledger.fileDescriptor
            waiting.descriptors[2].fd = -1
        }
        let count = nfds_t(waiting.descriptors.count)
        let ready = poll(&waiting.descriptors, count, Int32(clamping: losses.remainingMilliseconds))
        guard ready >= 0 || errno == EINTR else { throw TransportError.system("wait for the data plane") }
        if let reason = abort.reason { throw CollectiveError.aborted(reason: reason) }
        if ready > 0 {
            for (index, peer) in waiting.monitored.enumerated() where waiting.descriptors[3 + index].revents != 0 {
                try noteNews(of: peer)
            }
        }
        for peer in losses.takeRetries() { try connect(to: peer) }
        try losses.check(isQuiet: ready == 0)
    }

    /// Takes in what an outbox' monitor tells.
    func noteNews(of peer: Int) throws {
        guard let outbox = outboxes[peer] else { return }
        let endpoint = peers[peer].endpoint
        while let event = try outbox.monitor.next() {
            switch event.kind {
            case .handshakeSucceeded:
                outbox.isConnected = true
                losses.noteConnected(to: peer)
            case .disconnected where outbox.isConnected:
                losses.noteClosed(peer, reason: "the connection to it at \(endpoint) closed")
            case .handshakeRefused:
                losses.noteRefusal(
                    by: peer, reason: "it refuses our key at \(endpoint)", isFinal: true)
            case .handshakeFailed(let code):
                // Where the handshake broke off, and was not declined, libzmq tries again.
                losses.noteRefusal(
                    by: peer, reason: "no handshake with it at \(endpoint): \(HandshakeFailure.text(code))",
                    isFinal: code >= 0x1000_0000)
            case .connected, .accepted, .disconnected, .connectRetried:
                break
            }
        }
    }

    /// Waits for nothing but the release of the last buffer.
    func waitForRelease(of ledger: NetworkLinkLedger) {
        var descriptor = pollfd(fd: ledger.fileDescriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, -1)
    }

    /// Whether a frame came within the time of patience.
    private func spin() throws -> Bool {
        let patience = waiting.patience
        guard !patience.yields || waiting.expectsShort, !waiting.leavesCoreToOthers else { return false }
        let end = ContinuousClock.now + patience.time
        repeat {
            if try isReady(port.inbox, ZMQ_POLLIN) { return true }
            if patience.yields { sched_yield() }
        } while ContinuousClock.now < end
        return false
    }

    /// Asking for `ZMQ_EVENTS` also makes libzmq take in its threads' news; only after a "no" does its descriptor
    /// become readable with the next.
    private func isReady(_ socket: Socket, _ event: Int32) throws -> Bool {
        try socket.value(ZMQ_EVENTS) & event != 0
    }
}
