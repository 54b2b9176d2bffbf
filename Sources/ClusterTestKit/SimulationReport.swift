import ClusterProtocol
import Coordination

/// What came of a simulated run.
public struct SimulationReport: Sendable {
    /// Nil if the coordinator was killed.
    public var outcome: Outcome?
    public var workers: [Worker] = []
    /// Every step that a ring completed, in order.
    public var steps: [Step] = []
    /// What the coordinator recorded of steps.
    public var recorded: [UInt64] = []
    /// Broken promises that the simulation itself noticed; empty if all is well.
    public var violations: [String] = []
    public var logLines: [LogLine] = []
    /// Who said what when, if the scenario keeps it.
    public var transcript: [String] = []

    public struct Worker: Sendable {
        public var node: Int
        public var wasWelcomed = false
        /// Nil if it was killed or never started.
        public var exit: Exit?
        public var endedAt: UInt64?
        public var killed: Killed?
        /// The steps in which it took part, in order.
        public var steps: [UInt64] = []

        /// Where a worker was when it was killed.
        public enum Killed: Sendable {
            case beforeRing, inRing, afterRing
        }
    }

    public struct Exit: Equatable, Sendable {
        public var code: Int32
        public var text: String
    }

    public struct Step: Equatable, Sendable {
        public var generation: Generation
        public var step: UInt64
        public var nodes: [Int]
    }

    /// When the last worker ended, in milliseconds.
    public var lastEnd: UInt64 { workers.compactMap(\.endedAt).max() ?? 0 }
}
