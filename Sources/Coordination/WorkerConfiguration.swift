import ClusterProtocol

/// What a worker knows from the start. Times are milliseconds.
public struct WorkerConfiguration: Sendable {
    public var runID: RunID
    public var version = ProtocolVersion.current
    /// How the worker introduces itself, with a fresh incarnation per process.
    public var join: Message.Join
    /// Named in texts about the coordinator.
    public var coordinatorEndpoint: String

    /// How long to wait for an answer to `join`.
    public var joinTimeoutMilliseconds: UInt64 = 60_000
    /// How often `join` is sent until it is answered.
    public var joinRetryMilliseconds: UInt64 = 1_000
    /// A coordinator silent for longer is given up.
    public var coordinatorSilenceMilliseconds: UInt64 = 10_000
    /// How long a worker that failed or was told to leave at once waits for the coordinator's `end`.
    public var lastWordsMilliseconds: UInt64 = 2_000

    public init(runID: RunID, join: Message.Join, coordinatorEndpoint: String) {
        self.runID = runID
        self.join = join
        self.coordinatorEndpoint = coordinatorEndpoint
    }
}
