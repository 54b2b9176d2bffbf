import CZeroMQ
import Collectives
import Glibc

/// A generation's connections over ZeroMQ, made by `DataPort.makeLink`.
///
/// Belongs to the port's thread. Long messages are sent from the caller's memory, short ones are copied. End it with
/// `close` when the generation ended in order, so that peers which are not as far yet know that it is no loss; `cancel`
/// or letting go of it drops what is on its way.
public final class NetworkLink: Link {
    public let rank: Int
    public let size: Int
    public let generation: UInt64

    /// Up to this length (bytes) a copy costs less than waiting until libzmq has let go of the buffer.
    static let copiedBytes = 64 << 10
    /// How long the last words of an orderly end may take to leave.
    static let goodbyeMilliseconds: Int32 = 1000

    let port: DataPort
    let peers: [PeerAddress]
    let abort: AbortSignal
    let ledger: NetworkLinkLedger
    /// By rank; made when first needed.
    var outboxes: [NetworkLinkOutbox?]
    var losses: NetworkLinkLosses
    var waiting: NetworkLinkWaiting
    private let runID: UInt64
    /// By source: frames that arrived while another source was waited for.
    private var stashes: [NetworkLinkStash]
    /// By source: the sequence number due next.
    private var due: [UInt64]
    private let keyTexts: [String?]
    private let header = UnsafeMutableRawBufferPointer.allocate(byteCount: DataPortHeader.byteCount, alignment: 8)
    private var isOpen = true

    init(
        port: DataPort, rank: Int, peers: [PeerAddress], runID: UInt64, generation: UInt64, abort: AbortSignal
    ) throws {
        self.port = port
        self.rank = rank
        size = peers.count
        self.peers = peers
        self.runID = runID
        self.generation = generation
        self.abort = abort
        ledger = try NetworkLinkLedger()
        outboxes = Array(repeating: nil, count: peers.count)
        losses = NetworkLinkLosses()
        waiting = try NetworkLinkWaiting(port: port, abort: abort, peers: peers, rank: rank)
        stashes = Array(repeating: NetworkLinkStash(), count: peers.count)
        due = Array(repeating: 0, count: peers.count)
        keyTexts = peers.map { $0.publicKey?.z85 }
    }

    deinit {
        cancel()
        header.deallocate()
    }

    // MARK: Sending

    public func send(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws {
        try checkUsable()
        guard bytes.count <= Int(port.limits.maximumFrameBytes) else {
            throw CollectiveError(
                .invalidArgument(
                    "a message of \(bytes.count) bytes is longer than the port's \(port.limits.maximumFrameBytes)"))
        }
        while try !post(.data, bytes, through: outbox(to: peer)) {
            // The peer may be waiting for room at ours.
            while try takeOne(from: nil) != .nothing { try checkUsable() }
            try wait(for: .room(outbox(to: peer)))
        }
    }

    public func flush() throws {
        try checkUsable()
        while !ledger.isClear() { try wait(for: .release) }
    }

    /// - Returns: false if the queue is full.
    private func post(
        _ kind: DataPortHeader.Kind, _ bytes: UnsafeRawBufferPointer, through outbox: NetworkLinkOutbox
    ) throws -> Bool {
        let handle = try outbox.socket.openHandle("send")
        DataPortHeader(kind: kind, source: rank, runID: runID, generation: generation, sequence: outbox.sequence)
            .write(to: header)
        let flags = ZMQ_SNDMORE | ZMQ_DONTWAIT
        guard retryingInterrupts({ zmq_send(handle, header.baseAddress, header.count, flags) }) >= 0 else {
            if zmq_errno() == EAGAIN { return false }
            throw TransportError.last("send")
        }
        outbox.sequence += 1
        var message = zmq_msg_t()
        if bytes.count > Self.copiedBytes {
            waiting.endBurst()
            try ledger.lend(bytes, to: &message)
        } else {
            guard zmq_msg_init_size(&message, bytes.count) == 0 else { throw TransportError.last("send") }
            if let source = bytes.baseAddress {
                zmq_msg_data(&message).copyMemory(from: source, byteCount: bytes.count)
            }
        }
        // Room is counted in whole messages, so what was begun is taken to its end.
        guard retryingInterrupts({ zmq_msg_send(&message, handle, ZMQ_DONTWAIT) }) >= 0 else {
            let error = TransportError.last("send")
            zmq_msg_close(&message)
            throw error
        }
        return true
    }

    private func outbox(to peer: Int) throws -> NetworkLinkOutbox {
        try outboxes[peer] ?? connect(to: peer)
    }

    /// Makes a rank's outbox, anew if it had one.
    @discardableResult
    func connect(to peer: Int, queuesEarly: Bool = false) throws -> NetworkLinkOutbox {
        precondition(peer != rank, "a rank does not send to itself")
        outboxes[peer]?.close(lingerMilliseconds: 0)
        let outbox = try NetworkLinkOutbox(
            to: peers[peer], isHere: peers[peer].isOnHost(of: peers[rank]), of: port, queuesEarly: queuesEarly)
        outboxes[peer] = outbox
        waiting.watch(outbox.monitorDescriptor, of: peer)
        try noteNews(of: peer)
        return outbox
    }

    // MARK: Receiving

    public func receive(from peer: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try checkUsable()
        if let payload = stashes[peer].removeFirst() {
            return try withExtendedLifetime(payload) { try body(payload.bytes) }
        }
        while true {
            switch try takeOne(from: peer) {
            case .awaited:
                defer { port.payload.clear() }
                return try body(port.payload.bytes)
            case .other:
                try checkUsable()
            case .nothing:
                guard !losses.hasDeparted(peer) else {
                    throw CollectiveError.peerLost(rank: peer, reason: "it has left the generation in order")
                }
                try wait(for: .message)
            }
        }
    }

    public func hasArrived(from peer: Int) throws -> Bool {
        try checkUsable()
        while stashes[peer].isEmpty, try takeOne(from: nil) != .nothing {}
        return !stashes[peer].isEmpty
    }

    private enum Taken {
        case nothing, awaited, other
    }

    /// Takes one frame out of the inbox without waiting; stashes it unless it is from `awaited`.
    private func takeOne(from awaited: Int?) throws -> Taken {
        switch try port.take(runID: runID, generation: generation) {
        case .nothing: return .nothing
        case .other: return .other
        case .frame(let header):
            guard try admit(header, port.payload) else {
                port.refusePayload()
                return .other
            }
            if !losses.isEmpty { losses.noteArrival() }
            if header.kind == .goodbye {
                losses.noteDeparture(of: header.source)
                port.payload.clear()
                return .other
            }
            waiting.noteArrival(bytes: port.payload.bytes.count)
            if header.source == awaited { return .awaited }
            stashes[header.source].append(port.detachPayload())
            return .other
        }
    }

    /// Takes a frame that came before this link was made.
    func accept(_ frame: DataPortFrame) throws {
        guard try admit(frame.header, frame.payload) else { return }
        switch frame.header.kind {
        case .goodbye: losses.noteDeparture(of: frame.header.source)
        case .data: stashes[frame.header.source].append(frame.payload)
        }
    }

    /// Whether the frame comes from whom it says.
    ///
    /// - Throws: `CollectiveError.peerLost` if frames before it are missing.
    private func admit(_ header: DataPortHeader, _ payload: DataPortPayload) throws -> Bool {
        let source = header.source
        guard source < size, source != rank else { return false }
        if let keyText = keyTexts[source], !payload.isFrom(keyText: keyText) { return false }
        guard header.sequence == due[source] else {
            throw CollectiveError.peerLost(
                rank: source,
                reason: "message \(header.sequence) came where \(due[source]) was due: its connection lost some")
        }
        due[source] += 1
        return true
    }

    // MARK: Ending

    /// Ends the link in order: tells every rank that it exchanged messages with, and disconnects. Call it when all its
    /// collectives are done. Idempotent.
    public func close() {
        guard isOpen else { return }
        for peer in 0..<size where peer != rank && (outboxes[peer] != nil || due[peer] > 0) {
            // A peer that cannot be told any more notices the closed connection.
            if let outbox = try? outboxes[peer] ?? connect(to: peer, queuesEarly: true) {
                _ = try? post(.goodbye, UnsafeRawBufferPointer(start: nil, count: 0), through: outbox)
            }
        }
        end(lingerMilliseconds: Self.goodbyeMilliseconds)
    }

    public func cancel() {
        guard isOpen else { return }
        end(lingerMilliseconds: 0)
    }

    private func end(lingerMilliseconds: Int32) {
        isOpen = false
        waiting.endBurst()
        for outbox in outboxes { outbox?.close(lingerMilliseconds: lingerMilliseconds) }
        outboxes = Array(repeating: nil, count: size)
        stashes = Array(repeating: NetworkLinkStash(), count: size)
        // A closed socket lets go of its buffers within moments, on libzmq's thread, whatever the peers do. Returning
        // earlier would let the caller free memory that is being read.
        while !ledger.isClear() { waitForRelease(of: ledger) }
    }

    private func checkUsable() throws {
        if let reason = abort.reason { throw CollectiveError.aborted(reason: reason) }
        guard isOpen else { throw CollectiveError(.transport("the link of generation \(generation) is closed")) }
    }
}

/// Frames of one source in order of arrival.
struct NetworkLinkStash {
    private var payloads: [DataPortPayload?] = []
    private var head = 0

    var isEmpty: Bool { head == payloads.count }

    mutating func append(_ payload: DataPortPayload) {
        payloads.append(payload)
    }

    mutating func removeFirst() -> DataPortPayload? {
        guard head < payloads.count else { return nil }
        let payload = payloads[head]
        payloads[head] = nil
        head += 1
        if head == payloads.count {
            payloads.removeAll(keepingCapacity: true)
            head = 0
        }
        return payload
    }
}
