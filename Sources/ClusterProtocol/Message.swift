/// What a worker and the coordinator say to each other. Run id and generation are in the header of the frame.
///
/// `docs/protocol.md` has the table: who sends what when, and how it is laid out.
public enum Message: Equatable, Sendable {
    // Worker → coordinator.
    /// Asks to be part of the run.
    case join(Join)
    /// The job was understood and its data opened; the worker can be put into a ring.
    case prepared(seesRunDirectory: Bool)
    /// Still alive, and in which phase of which step.
    case heartbeat(step: UInt64, phase: String)
    /// What one step gave, for the run's log; the coordinator does not look inside.
    case progress(step: UInt64, payload: [UInt8])
    /// Left the generation at a step boundary, because all its ranks agreed on `reason`. Every step before `nextStep` is
    /// done. With reason `stop` the state has been saved.
    case idle(nextStep: UInt64, hasState: Bool, reason: YieldReason)
    /// Asks to be let go; also the last word after `end`.
    case leave
    /// The worker ends itself with `exitCode`.
    case failed(exitCode: Int32, text: String)
    /// The data link to `rank` of the header's generation was lost.
    case suspect(rank: UInt32, text: String)
    /// A warning to be shown to whoever watches the run.
    case notice(text: String)
    /// Training is complete. Rank 0's payload is the run's result.
    case finished(payload: [UInt8])

    // Coordinator → worker.
    case welcome(Welcome)
    case refuse(Refusal)
    /// Be part of the ring of the header's generation.
    case form(Form)
    /// There are more workers than slices: wait outside the ring.
    case standby(text: String)
    /// Leave the generation at the next step boundary on which all its ranks agree.
    case yield(YieldReason)
    /// Give up the generation at once.
    case abort(text: String)
    /// The run is over for this worker: exit with `exitCode`.
    case end(exitCode: Int32, text: String)
    case coordinatorHeartbeat

    /// A worker introduces itself.
    public struct Join: Equatable, Sendable {
        public var incarnation: Incarnation
        public var host: String
        public var pid: Int32
        /// Threads with which it computes.
        public var threads: UInt16
        /// Where its ring neighbour connects to.
        public var dataEndpoint: String
        /// Curve25519 key of that endpoint: 32 bytes, or none where links are not encrypted.
        public var dataPublicKey: [UInt8]

        /// - Parameters:
        ///   - host: the machine's name, for people to read.
        ///   - threads: with which the worker computes.
        ///   - dataEndpoint: of its data port, such as `tcp://10.0.0.2:41234`.
        ///   - dataPublicKey: 32 bytes, or none where links are not encrypted.
        public init(
            incarnation: Incarnation, host: String, pid: Int32, threads: UInt16, dataEndpoint: String,
            dataPublicKey: [UInt8] = []
        ) {
            self.incarnation = incarnation
            self.host = host
            self.pid = pid
            self.threads = threads
            self.dataEndpoint = dataEndpoint
            self.dataPublicKey = dataPublicKey
        }
    }

    /// The answer to `join`.
    public struct Welcome: Equatable, Sendable {
        public var workerID: WorkerID
        /// How often to send `heartbeat`.
        public var heartbeatMilliseconds: UInt32
        /// After how long a silence the coordinator takes the worker for lost.
        public var silenceMilliseconds: UInt32
        /// What to do, at most `WireLimit.job` bytes; the coordinator does not look inside.
        public var job: [UInt8]

        /// - Parameters:
        ///   - heartbeatMilliseconds: between two of the worker's heartbeats.
        ///   - silenceMilliseconds: after which it is taken for lost.
        ///   - job: at most `WireLimit.job` bytes.
        public init(workerID: WorkerID, heartbeatMilliseconds: UInt32, silenceMilliseconds: UInt32, job: [UInt8]) {
            self.workerID = workerID
            self.heartbeatMilliseconds = heartbeatMilliseconds
            self.silenceMilliseconds = silenceMilliseconds
            self.job = job
        }
    }

    /// Why somebody is not let in.
    public struct Refusal: Equatable, Sendable {
        public var reason: RefusalReason
        public var text: String

        /// - Parameter text: what is wrong and what to do, in a line for people to read.
        public init(reason: RefusalReason, text: String) {
            self.reason = reason
            self.text = text
        }
    }

    /// A ring, as one of its members sees it.
    public struct Form: Equatable, Sendable {
        /// In ring order: the index is the rank.
        public var members: [RingMember]
        public var ownRank: UInt32
        /// The step with which the generation begins. With an `initial` state that state itself knows where it stands (a
        /// checkpoint may be resumed), and this is 0.
        public var startStep: UInt64
        public var stateSource: StateSource

        /// - Parameters:
        ///   - members: by rank.
        ///   - ownRank: the receiver's, in `0..<members.count`.
        ///   - startStep: 0 with an `initial` state.
        public init(members: [RingMember], ownRank: UInt32, startStep: UInt64, stateSource: StateSource) {
            self.members = members
            self.ownRank = ownRank
            self.startStep = startStep
            self.stateSource = stateSource
        }
    }

    public var id: MessageID {
        switch self {
        case .join: .join
        case .prepared: .prepared
        case .heartbeat: .heartbeat
        case .progress: .progress
        case .idle: .idle
        case .leave: .leave
        case .failed: .failed
        case .suspect: .suspect
        case .notice: .notice
        case .finished: .finished
        case .welcome: .welcome
        case .refuse: .refuse
        case .form: .form
        case .standby: .standby
        case .yield: .yield
        case .abort: .abort
        case .end: .end
        case .coordinatorHeartbeat: .coordinatorHeartbeat
        }
    }
}

/// One place in the ring: who computes there and how its neighbour reaches it.
public struct RingMember: Equatable, Sendable {
    public var workerID: WorkerID
    public var host: String
    public var pid: Int32
    public var dataEndpoint: String
    /// 32 bytes, or none.
    public var dataPublicKey: [UInt8]

    /// - Parameters:
    ///   - dataEndpoint: of the member's data port, from its `join`.
    ///   - dataPublicKey: 32 bytes, or none where links are not encrypted.
    public init(workerID: WorkerID, host: String, pid: Int32, dataEndpoint: String, dataPublicKey: [UInt8] = []) {
        self.workerID = workerID
        self.host = host
        self.pid = pid
        self.dataEndpoint = dataEndpoint
        self.dataPublicKey = dataPublicKey
    }
}

/// From where the members of a new generation have parameters and optimiser state.
public enum StateSource: Equatable, Sendable {
    /// Everyone builds it alike, from the seed or from the checkpoint that the job names.
    case initial
    /// This rank sends its state to all others.
    case rank(UInt32)
}

/// Why a generation is left. Ranks that were told different reasons agree on the greatest.
public enum YieldReason: UInt8, Comparable, CaseIterable, Sendable, CustomStringConvertible {
    /// Another ring will be formed.
    case regroup = 1
    /// The run stops: save the state before reporting `idle`.
    case stop = 2

    /// Whether `right` wins where ranks were told both.
    public static func < (left: YieldReason, right: YieldReason) -> Bool { left.rawValue < right.rawValue }

    public var description: String {
        switch self {
        case .regroup: "regroup"
        case .stop: "stop"
        }
    }
}

/// Why somebody is refused. Append only, since programs of other versions read it.
public enum RefusalReason: UInt8, CaseIterable, Sendable {
    /// A reason that this version does not know; the text says what it is.
    case other = 0
    case wrongRun = 1
    case wrongVersion = 2
    case runEnded = 3
    /// The incarnation is in the run already, over another connection.
    case duplicate = 4
    case tableFull = 5
    /// Not a worker of this run, or no longer.
    case unknownWorker = 6
}
