import ClusterProtocol

/// The coordinator of a run as a value: events go in, directives come out, and nothing else happens.
///
/// It does no I/O, reads no clock and draws no random number; times are milliseconds of any monotonic clock. Whoever holds
/// it carries the directives out in the order given, and calls `tick` several times per heartbeat interval.
///
/// `docs/coordination.md` has a picture of its states.
public struct CoordinatorMachine: Sendable {
    /// Something happened.
    public enum Event: Sendable {
        case received(IncomingFrame, from: ConnectionID, now: UInt64)
        /// Bytes that are no frame.
        case malformed(WireError, from: ConnectionID, now: UInt64)
        case tick(now: UInt64)
        /// A process that this machine's launcher started is gone. `host` and `pid` are as in the worker's `join`; `status`
        /// reads like `killed by signal 9`.
        case workerProcessExited(host: String, pid: Int32, status: String, now: UInt64)
        /// SIGINT or SIGTERM. The second one does not wait for a step boundary.
        case stopRequested(now: UInt64)
        /// The transport has no link to this connection at present.
        case connectionUndeliverable(ConnectionID, now: UInt64)
    }

    /// Something to do.
    public enum Directive: Equatable, Sendable {
        case send(Frame, to: ConnectionID)
        /// What a step gave, for the run's log.
        case record(Progress)
        case log(LogLine)
        /// The run is over and everything is sent: the last directive.
        case ended(Outcome)
    }

    /// What one rank reported of one step.
    public struct Progress: Equatable, Sendable {
        public var workerID: WorkerID
        public var rank: Int
        public var worldSize: Int
        public var generation: Generation
        public var step: UInt64
        public var payload: [UInt8]
    }

    public let configuration: CoordinatorConfiguration

    enum Phase: Equatable, Sendable {
        /// Waits for the expected workers.
        case gathering(since: UInt64)
        case running
        /// Waits until every rank has left the generation at a step boundary.
        case yielding(YieldReason)
        /// Everyone was told; waits until they are gone.
        case ending(Outcome, until: UInt64)
        case ended
    }

    var phase: Phase
    /// The ring of `generation`, rank 0 first.
    var ring: [WorkerID] = []
    var generation = Generation.none
    var members: [WorkerID: CoordinatorMember] = [:]
    var connections: [ConnectionID: WorkerID] = [:]
    var nextWorkerID: UInt32 = 0
    /// Processes that were let go, so that their end is no surprise.
    var dismissed: Set<ProcessKey> = []

    /// Why the run is to stop at a step boundary, if it is.
    var stop: Stop?
    var evidence = Evidence()
    /// Rank 0's payload of `finished`.
    var result: [UInt8]?

    var lastTick: UInt64
    var lastHeartbeat: UInt64
    var stallWatch: StallWatch

    private var directives: [Directive] = []

    /// - Parameter now: the present time on the clock of all later events.
    public init(configuration: CoordinatorConfiguration, now: UInt64) {
        precondition(configuration.expectedWorkers >= 1, "a run expects at least one worker")
        precondition(configuration.maximumRanks >= 1, "a ring has at least one place")
        precondition(configuration.job.count <= WireLimit.job, "a job has at most \(WireLimit.job) bytes")
        self.configuration = configuration
        phase = .gathering(since: now)
        lastTick = now
        lastHeartbeat = now
        stallWatch = StallWatch(limit: configuration.stallMilliseconds, now: now)
    }

    /// Takes in one event and says what is to be done, in order. After `.ended` only refusals follow.
    public mutating func handle(_ event: Event) -> [Directive] {
        switch event {
        case .received(.frame(let frame), let connection, let now): receive(frame, from: connection, now: now)
        case .received(.otherVersion(let frame), let connection, _): refuseVersion(frame, connection)
        case .malformed(let error, let connection, _): log(.malformed(error, from: name(of: connection)))
        case .tick(let now): tick(now)
        case .workerProcessExited(let host, let pid, let status, let now):
            processExited(ProcessKey(host: host, pid: pid), status: status, now: now)
        case .stopRequested(let now): stopRequested(now)
        case .connectionUndeliverable(let connection, let now): undeliverable(connection, now: now)
        }
        defer { directives = [] }
        return directives
    }
}

/// A process on a host.
struct ProcessKey: Hashable, Sendable {
    let host: String
    let pid: Int32
}

extension CoordinatorMachine {
    mutating func emit(_ directive: Directive) {
        directives.append(directive)
    }

    mutating func log(_ line: LogLine) {
        directives.append(.log(line))
    }

    mutating func send(_ message: Message, to connection: ConnectionID) {
        let frame = Frame(
            version: configuration.version, runID: configuration.runID, generation: generation, message: message)
        directives.append(.send(frame, to: connection))
    }

    /// The members in the order of joining.
    var orderedMembers: [CoordinatorMember] {
        members.values.sorted { $0.id < $1.id }
    }

    /// The members of the present ring that are still here, rank 0 first.
    var ringMembers: [CoordinatorMember] {
        ring.compactMap { members[$0] }
    }

    func name(of connection: ConnectionID) -> String {
        if let id = connections[connection], let member = members[id] {
            return member.name.description
        }
        return "connection \(connection)"
    }

    /// Forgets a member; messages from its connection are a stranger's from now on.
    mutating func remove(_ id: WorkerID) {
        guard let member = members.removeValue(forKey: id) else { return }
        connections[member.connection] = nil
        if dismissed.count < WireLimit.members {
            dismissed.insert(ProcessKey(host: member.join.host, pid: member.join.pid))
        }
    }

    /// Tells a worker that it may go, and forgets it.
    mutating func dismiss(_ id: WorkerID, exitCode: Int32, text: String) {
        guard let member = members[id] else { return }
        send(.end(exitCode: exitCode, text: text), to: member.connection)
        remove(id)
    }
}

/// How a run ended.
public struct Outcome: Equatable, Sendable {
    public var exitCode: Int32
    /// One line.
    public var text: String
    /// Rank 0's payload of `finished`, if training is complete.
    public var result: [UInt8]?

    public init(exitCode: Int32, text: String, result: [UInt8]? = nil) {
        self.exitCode = exitCode
        self.text = text
        self.result = result
    }
}
