import ClusterProtocol

/// A worker's side of the control channel as a value: events go in, directives come out, and nothing else happens.
///
/// It does no I/O, reads no clock and draws no random number; times are milliseconds of any monotonic clock. Whoever holds
/// it carries the directives out in the order given, and calls `tick` several times per heartbeat interval, also while
/// training computes; the first tick sends `join`.
///
/// `docs/coordination.md` has a picture of its states.
public struct WorkerMachine: Sendable {
    /// Something happened.
    public enum Event: Sendable {
        case received(IncomingFrame, now: UInt64)
        /// Bytes that are no frame.
        case malformed(WireError, now: UInt64)
        case tick(now: UInt64)
        case training(TrainingEvent, now: UInt64)
        /// SIGTERM or SIGINT. The second one does not wait for a step boundary.
        case leaveRequested(now: UInt64)
    }

    /// What the training side reports.
    public enum TrainingEvent: Equatable, Sendable {
        /// Answers `prepare`: the job is understood, the data open.
        case prepared(seesRunDirectory: Bool)
        /// A step or a phase of it begins, such as `backward`; cheap, nothing is sent at once.
        case stepBegan(step: UInt64, phase: String)
        case progress(step: UInt64, payload: [UInt8])
        /// Left the generation at a step boundary; `reason` is the greatest that any rank was given by `setYield`. With `stop`
        /// the state must have been saved before.
        case idle(nextStep: UInt64, hasState: Bool, reason: YieldReason)
        case finished(payload: [UInt8])
        /// The worker cannot go on by a fault of its own or of its data. A collective that broke is `linkLost` instead.
        case failed(exitCode: Int32, text: String)
        /// The data link to a rank of the present generation broke.
        case linkLost(rank: UInt32, text: String)
        /// A warning for whoever watches the run.
        case notice(text: String)
    }

    /// Something to do.
    public enum Directive: Equatable, Sendable {
        case send(Frame)
        /// Read the job, open the data, then report `.prepared` or `.failed`.
        case prepare(workerID: WorkerID, job: [UInt8])
        /// Connect the ring and train; report `.idle`, `.finished`, `.failed` or `.linkLost`.
        case runGeneration(FormedGeneration)
        /// Carry this reason into the all-reduced flag of the next step; the greatest reason given so far counts.
        case setYield(YieldReason)
        /// Break off whatever collective is under way; nothing needs to be reported for it.
        case abortCollectives(text: String)
        case log(LogLine)
        /// Send what is queued, then end the process: the last directive.
        case exit(code: Int32, text: String)
    }

    public let configuration: WorkerConfiguration

    enum State: Equatable, Sendable {
        /// `join` is sent until it is answered.
        case joining(since: UInt64, lastSent: UInt64?)
        /// The job is read, the data opened.
        case preparing
        /// Outside a ring.
        case waiting
        case running
        /// Left its generation at a step boundary.
        case idle
        case finished
        /// The collectives are broken off; what training reports is no news, and the coordinator has the word.
        case broken
        /// Failed by itself; waits for the coordinator's `end`, but not for ever.
        case failed(exitCode: Int32, text: String, until: UInt64)
        case exited
    }

    var state: State
    var generation = Generation.none
    var workerID: WorkerID?
    var heartbeatMilliseconds: UInt64 = 250
    var isLeaving = false
    var step: UInt64 = 0
    var phase = ""
    var coordinatorLastHeard: UInt64
    var lastHeartbeat: UInt64
    var lastTick: UInt64

    private var directives: [Directive] = []

    /// - Parameter now: the present time on the clock of all later events.
    public init(configuration: WorkerConfiguration, now: UInt64) {
        self.configuration = configuration
        state = .joining(since: now, lastSent: nil)
        coordinatorLastHeard = now
        lastHeartbeat = now
        lastTick = now
    }

    /// Takes in one event and says what is to be done, in order. After `.exit` nothing follows.
    public mutating func handle(_ event: Event) -> [Directive] {
        guard state != .exited else { return [] }
        switch event {
        case .received(.frame(let frame), let now): receive(frame, now: now)
        case .received(.otherVersion(let frame), _): receiveOtherVersion(frame)
        case .malformed(let error, _): log(.malformed(error, from: coordinator))
        case .tick(let now): tick(now)
        case .training(let report, let now): receive(report, now: now)
        case .leaveRequested: leaveRequested()
        }
        defer { directives = [] }
        return directives
    }
}

extension WorkerMachine {
    var coordinator: String { "the coordinator at \(configuration.coordinatorEndpoint)" }

    mutating func emit(_ directive: Directive) {
        directives.append(directive)
    }

    mutating func log(_ line: LogLine) {
        directives.append(.log(line))
    }

    mutating func send(_ message: Message) {
        directives.append(
            .send(
                Frame(
                    version: configuration.version, runID: configuration.runID, generation: generation,
                    message: message)))
    }

    /// The last directive; a collective under way is broken off before.
    mutating func exit(_ code: Int32, _ text: String) {
        if state == .running { emit(.abortCollectives(text: text)) }
        state = .exited
        emit(.exit(code: code, text: text))
    }
}

/// A ring as the training side needs it.
public struct FormedGeneration: Equatable, Sendable {
    public var generation: Generation
    /// In ring order: the index is the rank.
    public var members: [RingMember]
    public var rank: Int
    /// The first step to do; 0 with an `initial` state, which itself knows where it stands.
    public var startStep: UInt64
    public var stateSource: StateSource

    public init(
        generation: Generation, members: [RingMember], rank: Int, startStep: UInt64, stateSource: StateSource
    ) {
        self.generation = generation
        self.members = members
        self.rank = rank
        self.startStep = startStep
        self.stateSource = stateSource
    }

    public var worldSize: Int { members.count }
}
