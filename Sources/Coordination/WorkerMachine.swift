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

    public init(configuration: WorkerConfiguration, now: UInt64) {
        self.configuration = configuration
    }

    public mutating func handle(_ event: Event) -> [Directive] {
        []
    }
}

/// A ring as the training side needs it.
public struct FormedGeneration: Equatable, Sendable {
    public var generation: Generation
    /// In ring order: the index is the rank.
    public var members: [RingMember]
    public var rank: Int
    /// The first step to do.
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
