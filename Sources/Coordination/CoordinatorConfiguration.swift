import ClusterProtocol

/// What a coordinator knows from the start. Times are milliseconds.
public struct CoordinatorConfiguration: Sendable {
    public var runID: RunID
    public var version = ProtocolVersion.current
    /// The first ring is formed when this many workers are prepared.
    public var expectedWorkers: Int
    /// Places in a ring (the number of slices of a global batch); further workers stand by.
    public var maximumRanks: Int
    /// Handed to every worker, at most `WireLimit.job` bytes; not looked into.
    public var job: [UInt8]
    /// Rank 0 writes the checkpoints: whether it must see the run directory.
    public var rankZeroNeedsRunDirectory: Bool
    public var lossPolicy = LossPolicy.endRun

    public var heartbeatMilliseconds: UInt64 = 250
    /// A worker silent for longer is lost.
    public var silenceMilliseconds: UInt64 = 3_000
    /// The same for one that a neighbour suspects or that the transport cannot reach.
    public var suspectSilenceMilliseconds: UInt64 = 1_000
    /// How long to wait, once a worker is known to be lost, for what it said before and for others lost with it.
    public var lastWordsMilliseconds: UInt64 = 100
    /// How long to wait for the expected workers.
    public var joinTimeoutMilliseconds: UInt64 = 60_000
    /// How long a stopping ring may take to reach a step boundary and save.
    public var stopGraceMilliseconds: UInt64 = 30_000
    /// How long to wait at the end for the workers to go.
    public var endGraceMilliseconds: UInt64 = 500
    /// A ring in which nobody has moved on for this long is reported, again after twice that, and so on.
    public var stallMilliseconds: UInt64 = 30_000

    public init(
        runID: RunID, expectedWorkers: Int, maximumRanks: Int, job: [UInt8], rankZeroNeedsRunDirectory: Bool = false
    ) {
        self.runID = runID
        self.expectedWorkers = expectedWorkers
        self.maximumRanks = maximumRanks
        self.job = job
        self.rankZeroNeedsRunDirectory = rankZeroNeedsRunDirectory
    }

    /// What the loss of a ring member leads to.
    public enum LossPolicy: Sendable {
        /// The run ends, naming who was lost where.
        case endRun
    }
}
