import CZeroMQ
import Collectives
import Glibc

/// A worker's end of the data plane: one inbox for its whole life, and a link to the others for each generation.
///
/// Belongs, with its links, to one thread. A frame is taken only if it has our form, comes from the present run and
/// generation and, where connections are encrypted, from the holder of its rank's key. Others are dropped and counted;
/// those of a generation to come are kept, for a peer may start first.
public final class DataPort {
    /// The endpoint as bound, with its port.
    public let endpoint: String
    /// What has been turned away so far.
    public private(set) var dropped = DroppedFrames()

    package let context: MessagingContext
    let keys: CurveKeyPair?
    /// Of connections without keys.
    let plainSecurity: Security
    let limits: SocketLimits
    let inbox: Socket
    /// The payload of the frame taken last.
    private(set) var payload = DataPortPayload()
    private let header = UnsafeMutableRawBufferPointer.allocate(byteCount: DataPortHeader.byteCount, alignment: 8)
    private var early = EarlyFrames()
    private weak var current: NetworkLink?

    /// Binds the inbox.
    ///
    /// - Parameters:
    ///   - endpoint: `tcp://address:*` for a free port, or `ipc://path`.
    ///   - keys: nil: plain, on endpoints that do not leave the host only. Otherwise peers must be on the context's
    ///     allow-list of the domain `data`.
    ///   - trustsNetwork: whether a port without keys may leave the host all the same.
    ///   - maximumMessageBytes: no message may be longer. At least the collectives' chunk size.
    ///   - kernelSendBytes: how much the system may hold on its way to a peer; nil: as much as it likes.
    /// - Throws: `TransportError`.
    public init(
        context: MessagingContext, bind endpoint: String, keys: CurveKeyPair?, trustsNetwork: Bool = false,
        maximumMessageBytes: Int = 8 << 20, kernelSendBytes: Int32? = nil
    ) throws {
        LargeAllocations.keep
        self.context = context
        self.keys = keys
        plainSecurity = trustsNetwork ? .trustedNetwork : .plain
        var limits = SocketLimits.data
        limits.maximumFrameBytes = Int64(max(maximumMessageBytes, DataPortHeader.byteCount))
        // A rank that computes leaves its inbox alone, and once that is full libzmq reads no probes either: a busy peer
        // would be taken for a dead one. The control channel notices silent peers, TCP closed ones.
        limits.heartbeatMilliseconds = 0
        limits.kernelSendBytes = kernelSendBytes
        self.limits = limits
        inbox = try Socket(
            .pull, context: context, limits: limits,
            security: keys.map { .curveServer($0, domain: .data) } ?? plainSecurity)
        self.endpoint = try inbox.bind(endpoint)
    }

    deinit {
        header.deallocate()
    }

    /// Makes the link of a generation. The link before it is cancelled if it is still open.
    ///
    /// - Parameters:
    ///   - peers: by rank, this one's own included.
    ///   - generation: above those of all links before.
    ///   - abort: ends the link's waits from another thread.
    /// - Throws: `TransportError` if the arguments do not fit each other; `CollectiveError` if more frames of this
    ///   generation came early than could be kept.
    public func makeLink(
        rank: Int, peers: [PeerAddress], runID: UInt64, generation: UInt64, abort: AbortSignal
    ) throws -> NetworkLink {
        guard peers.indices.contains(rank), peers.count <= Int(UInt32.max) else {
            throw TransportError("make a network link", cause: "rank \(rank) is none of \(peers.count)")
        }
        for (peer, address) in peers.enumerated() where peer != rank && (address.publicKey == nil) != (keys == nil) {
            throw TransportError(
                "make a network link", address.endpoint,
                cause: "of rank \(rank) and rank \(peer), one has a CURVE key and the other has none")
        }
        current?.cancel()
        let link = try NetworkLink(
            port: self, rank: rank, peers: peers, runID: runID, generation: generation, abort: abort)
        current = link
        guard let frames = early.take(runID: runID, generation: generation) else {
            throw CollectiveError(
                .transport("more frames of generation \(generation) came early than could be kept; form another one"))
        }
        for frame in frames { try link.accept(frame) }
        return link
    }

    /// Closes the inbox and the link. Idempotent.
    public func close() {
        current?.cancel()
        inbox.close()
    }

    // MARK: Taking frames

    enum Taken {
        case nothing
        /// Something that is not for this link.
        case other
        /// A frame for this link; its payload is in `payload`.
        case frame(DataPortHeader)
    }

    /// Takes one frame out of the inbox without waiting.
    func take(runID: UInt64, generation: UInt64) throws -> Taken {
        let handle = try inbox.openHandle("receive")
        let count = retryingInterrupts { zmq_recv(handle, header.baseAddress, header.count, ZMQ_DONTWAIT) }
        if count < 0 {
            guard zmq_errno() == EAGAIN else { throw TransportError.last("receive") }
            return .nothing
        }
        guard Int(count) == header.count, try inbox.value(ZMQ_RCVMORE) != 0 else {
            return try refuse(handle)
        }
        guard retryingInterrupts({ zmq_msg_recv(payload.message, handle, 0) }) >= 0 else {
            throw TransportError.last("receive")
        }
        guard zmq_msg_more(payload.message) == 0, let header = DataPortHeader(UnsafeRawBufferPointer(header)) else {
            return try refuse(handle)
        }
        guard header.runID == runID, header.generation >= generation else {
            dropped.stale += 1
            payload.clear()
            return .other
        }
        guard header.generation == generation else {
            early.keep(DataPortFrame(header: header, payload: detachPayload()))
            return .other
        }
        return .frame(header)
    }

    /// Hands the payload over, to be kept.
    func detachPayload() -> DataPortPayload {
        defer { payload = DataPortPayload() }
        return payload
    }

    /// Drops the frame that was taken last, for it claims to be from someone else than its sender.
    func refusePayload() {
        dropped.malformed += 1
        payload.clear()
    }

    /// Reads the rest of a message that does not have two parts of the right form.
    private func refuse(_ handle: UnsafeMutableRawPointer) throws -> Taken {
        dropped.malformed += 1
        payload.clear()
        while try inbox.value(ZMQ_RCVMORE) != 0 {
            guard retryingInterrupts({ zmq_msg_recv(payload.message, handle, 0) }) >= 0 else {
                throw TransportError.last("receive")
            }
            payload.clear()
        }
        return .other
    }
}

/// Counts of frames that a data port turned away.
public struct DroppedFrames: Sendable, Equatable {
    /// From an earlier generation or another run.
    public internal(set) var stale = 0
    /// Not of our form, or from someone who is not the rank that it claims to be.
    public internal(set) var malformed = 0
}
