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

    public init(configuration: CoordinatorConfiguration, now: UInt64) {
        self.configuration = configuration
    }

    public let configuration: CoordinatorConfiguration

    public mutating func handle(_ event: Event) -> [Directive] {
        []
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
