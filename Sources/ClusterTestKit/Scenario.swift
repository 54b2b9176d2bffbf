/// What is to happen in a simulated run, apart from what the seed decides. Times are milliseconds.
public struct Scenario: Sendable {
    public var seed: UInt64
    public var workers: [Worker] = []
    public var expectedWorkers: Int
    public var maximumRanks: Int
    public var steps: UInt64
    public var rankZeroNeedsRunDirectory = false
    public var actions: [(at: UInt64, action: Action)] = []

    public var networkDelays: ClosedRange<UInt64> = 0...20
    public var stepTimes: ClosedRange<UInt64> = 5...120
    public var preparationTimes: ClosedRange<UInt64> = 10...500
    /// How often each node's machine is ticked.
    public var tickIntervals: ClosedRange<UInt64> = 30...70
    /// How long a neighbour takes to see that a data link broke.
    public var linkLossDelays: ClosedRange<UInt64> = 1...300
    /// Whether a killed worker's links are seen to break; not so when its machine loses power.
    public var linksBreak = true
    public var joinTimeout: UInt64 = 60_000
    /// The simulation gives up then: whatever has not ended by that time hangs.
    public var limit: UInt64 = 120_000
    public var keepsTranscript = false

    /// - Parameters:
    ///   - seed: decides whatever has a range here.
    ///   - expectedWorkers: for how many the coordinator waits before it forms the first ring.
    ///   - maximumRanks: above which workers stand by.
    ///   - steps: how long the run is.
    public init(seed: UInt64, expectedWorkers: Int, maximumRanks: Int = 64, steps: UInt64 = 20) {
        self.seed = seed
        self.expectedWorkers = expectedWorkers
        self.maximumRanks = maximumRanks
        self.steps = steps
    }

    /// One worker process.
    public struct Worker: Sendable {
        public var startsAt: UInt64
        public var host: String
        public var seesRunDirectory = true
        /// Whether the coordinator's launcher started it and learns of its end.
        public var isLocal = true
        public var protocolVersion: UInt8 = 1
        public var runID: UInt64 = Scenario.runID

        /// - Parameters:
        ///   - startsAt: in milliseconds from the simulation's beginning.
        ///   - host: the name of its machine.
        public init(startsAt: UInt64 = 0, host: String = "a") {
            self.startsAt = startsAt
            self.host = host
        }
    }

    /// Something that befalls a node. Workers are numbered from 1 in the order of `workers`; 0 is the coordinator.
    public enum Action: Sendable, Equatable {
        case kill(Int)
        /// As SIGSTOP does: nothing runs, nothing is lost.
        case pause(Int)
        case resume(Int)
        /// SIGTERM to a worker. Waits until the first ring is formed.
        case leave(Int)
        /// SIGINT to the coordinator.
        case stop
        /// The training of a worker fails by its own fault.
        case fail(Int, exitCode: Int32, text: String)
        /// The control channel between a worker and the coordinator holds everything back in both directions.
        case partition(Int)
        case heal(Int)
        /// The data link from a worker to its successor in the ring breaks; both live on.
        case breakLink(Int)
        /// A frame of a former generation arrives once more.
        case replayOldFrame
    }

    public static let runID: UInt64 = 0x5EED

    /// The process number that a simulated worker goes by.
    public static func pid(of node: Int) -> Int32 { 100 + Int32(node) }
}
