import CZeroMQ
import Glibc
import Synchronization

/// Decides which CURVE keys may connect to the server sockets of a context, by an allow-list for each domain.
///
/// It answers libzmq's questions (ZAP, RFC 27) on a thread of its own. Lists start empty: nobody is admitted who was
/// not named. They may be changed at any time from any thread; a change counts for connections made from then on.
/// Keep the object for as long as there are server sockets: once it is gone, nobody new gets in.
public final class Authenticator: Sendable {
    /// A connection that was refused.
    public struct Denial: Sendable, CustomStringConvertible {
        public enum Reason: String, Sendable {
            case notListed = "its key is not on the allow-list"
            case notCurve = "it does not use CURVE"
            case manualKey = "its key is one that libzmq's manual prints"
            case unknownDomain = "it asks for a domain without an allow-list"
        }

        /// The key that the peer proved to hold; nil if it showed none.
        public let key: String?
        /// Where it came from, without port; empty for ipc.
        public let address: String
        public let domain: String
        public let reason: Reason
        /// How often this key was refused from this address, this time included.
        public let count: Int

        public var description: String {
            let place = address.isEmpty ? "this host" : address
            let times = count == 1 ? "" : " (\(count) times)"
            let who = "\(place) with key \(key ?? "none")"
            return "refused a connection from \(who) to \(domain)\(times): \(reason.rawValue)"
        }
    }

    private let desk: Desk
    private let waker: Waker
    private let thread: OwnedThread
    private let isStopped = Mutex(false)

    /// Starts answering. Must come before the context's first socket.
    ///
    /// - Parameter onDenial: called on the authenticator's thread with the 1st, 10th, 100th … refusal of a key from an
    ///   address, so that a peer that tries again and again does not fill a log; in the domain `.data` from the 10th
    ///   on, because a neighbour may hear of a new generation a moment before we do. It must not block.
    /// - Throws: `TransportError` if the context has an authenticator, or had a socket, already.
    public init(context: MessagingContext, onDenial: @escaping @Sendable (Denial) -> Void) throws {
        try context.claimAuthentication()
        let socket = try Socket(.reply, context: context, limits: .control, security: .plain)
        try socket.bind("inproc://zeromq.zap.01")
        let waker = try Waker()
        let desk = Desk(onDenial: onDenial)
        let handover = Handover(socket)
        self.waker = waker
        self.desk = desk
        thread = try OwnedThread(name: "authenticator") {
            Self.serve(handover.take(), waker: waker, desk: desk)
        }
    }

    deinit {
        stop()
    }

    /// Ends the thread; no connection is admitted from then on. Idempotent.
    public func stop() {
        let first = isStopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard first else { return }
        waker.wake()
        thread.join()
    }

    // MARK: Allow-lists

    /// Replaces a domain's list, for instance with the keys of a new generation's members.
    public func setAllowed(_ keys: Set<CurvePublicKey>, in domain: AuthenticationDomain) {
        desk.state.withLock { $0.allowed[domain] = keys }
    }

    public func allow(_ key: CurvePublicKey, in domain: AuthenticationDomain) {
        desk.state.withLock { _ = $0.allowed[domain, default: []].insert(key) }
    }

    /// Takes a key off a list. Connections that stand are not closed by libzmq: `ControlServer` drops what they still
    /// say, data sockets are made anew with each generation.
    public func remove(_ key: CurvePublicKey, from domain: AuthenticationDomain) {
        desk.state.withLock { _ = $0.allowed[domain]?.remove(key) }
    }

    public func isAllowed(_ key: CurvePublicKey, in domain: AuthenticationDomain) -> Bool {
        desk.state.withLock { $0.allowed[domain]?.contains(key) ?? false }
    }

    /// Connections refused so far.
    public var denialCount: Int { desk.state.withLock { $0.denials.total } }

    /// Connections admitted so far.
    public var admissionCount: Int { desk.state.withLock { $0.admissions } }

    // MARK: The thread

    private static func serve(_ socket: Socket, waker: Waker, desk: Desk) {
        defer { socket.close() }
        do {
            var poller = Poller()
            try poller.add(socket, events: .readable)
            poller.add(fileDescriptor: waker.fileDescriptor, events: .readable)
            while !waker.take() {
                try poller.wait(until: Deadline(afterMilliseconds: -1))
                while let frames = try socket.receiveMessage(maximumFrames: 16)?.frames {
                    try socket.send(desk.answer(to: frames))
                }
            }
        } catch {
            // The context is ending (ETERM), or libzmq's own question was malformed. Without the handler every
            // connection is refused, so there is nothing more to protect.
        }
    }
}

/// The lists and counts that the authenticator's thread and its users share.
private final class Desk: Sendable {
    struct State {
        var allowed: [AuthenticationDomain: Set<CurvePublicKey>] = [:]
        var denials = Repetitions<Origin>()
        var admissions = 0
    }

    let state = Mutex(State())
    private let onDenial: @Sendable (Authenticator.Denial) -> Void

    init(onDenial: @escaping @Sendable (Authenticator.Denial) -> Void) {
        self.onDenial = onDenial
    }

    func answer(to frames: [[UInt8]]) -> [[UInt8]] {
        guard let request = ZAPRequest(frames) else {
            return [ZAPRequest.version, frames.count > 1 ? frames[1] : [], Array("500".utf8), [], [], []]
        }
        guard request.mechanism == "CURVE", let bytes = request.credentials.first, bytes.count == 32 else {
            return refuse(request, key: nil, .notCurve)
        }
        guard let key = try? CurvePublicKey(bytes: bytes) else {
            return refuse(request, key: Z85.encode(bytes), .manualKey)
        }
        guard let domain = AuthenticationDomain(rawValue: request.domain) else {
            return refuse(request, key: key.z85, .unknownDomain)
        }
        let isAllowed = state.withLock { state in
            let isAllowed = state.allowed[domain]?.contains(key) ?? false
            if isAllowed { state.admissions += 1 }
            return isAllowed
        }
        return isAllowed ? request.admission(of: key) : refuse(request, key: key.z85, .notListed)
    }

    private func refuse(_ request: ZAPRequest, key: String?, _ reason: Authenticator.Denial.Reason) -> [[UInt8]] {
        let count = state.withLock { $0.denials.note(Origin(key: key, address: request.address)) }
        let isEarlyNeighbour = request.domain == AuthenticationDomain.data.rawValue && count == 1
        if Repetitions<Origin>.isTold(count) && !isEarlyNeighbour {
            onDenial(
                Authenticator.Denial(
                    key: key, address: request.address, domain: request.domain, reason: reason, count: count))
        }
        return request.refusal
    }
}

private struct Origin: Hashable {
    var key: String?
    var address: String
}

/// Passes a socket to the thread that will own it.
///
/// `@unchecked Sendable`: filled before the thread starts, emptied once by that thread; starting a thread orders both.
private final class Handover: @unchecked Sendable {
    private var socket: Socket?

    init(_ socket: Socket) {
        self.socket = socket
    }

    func take() -> Socket {
        defer { socket = nil }
        return socket!
    }
}
