import ClusterProtocol
import Coordination
import Foundation
import ZeroMQTransport

/// One run of any job: binds the coordinator's port, starts the local workers, and serves until the end.
public struct ClusterRun {
    /// Where the coordinator listens and who computes.
    public struct Options {
        /// `tcp://host:port` (port may be `*`) or `ipc://…`.
        public var endpoint: String
        /// Workers to wait for before the first step.
        public var workers: Int
        /// Whether to start those workers here, or to wait for them to come with the ticket.
        public var spawnsWorkers: Bool
        /// Where to put the ticket; nil for a temporary place.
        public var ticketPath: String?
        /// Keys that are admitted beside the ticket's.
        public var admittedKeys: Set<CurvePublicKey> = []
        /// Whether workers encrypt what they exchange, where the run leaves this host.
        public var encryptsData = true
        public var joinTimeoutMilliseconds: UInt64 = 120_000
        public var silenceMilliseconds: UInt64 = 3_000

        public init(endpoint: String, workers: Int, spawnsWorkers: Bool, ticketPath: String? = nil) {
            self.endpoint = endpoint
            self.workers = workers
            self.spawnsWorkers = spawnsWorkers
            self.ticketPath = ticketPath
        }
    }

    let job: JobSpecification
    let runID: UInt64
    /// Places in the ring: slices of a global batch, for training.
    let maximumRanks: Int
    let rankZeroNeedsRunDirectory: Bool

    /// The loopback endpoint of a run whose workers are all on this host.
    public static func localEndpoint(transport: Transport, runID: UInt64) -> String {
        switch transport {
        case .tcp: return "tcp://127.0.0.1:*"
        // An abstract socket: it leaves no file behind, whatever ends the process.
        case .ipc: return "ipc://@murmur-\(runID)-control"
        }
    }

    /// How processes of one host talk to each other.
    public enum Transport: String, Sendable, CaseIterable {
        case tcp, ipc
    }

    /// A fresh id: two runs on one network are never taken for each other.
    static func freshID() -> UInt64 {
        var random = SystemRandomNumberGenerator()
        return random.next() >> 1
    }

    /// Serves until the run has ended.
    ///
    /// - Parameter ready: called with the ticket once the port is bound.
    /// - Returns: rank 0's result.
    /// - Throws: `Failure` with the run's exit code.
    func serve(
        _ options: Options, handlers: CoordinatorProcess.Handlers, ready: (Ticket) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        let log = Logger(role: "coordinator")
        let channel = try CoordinatorChannel(
            endpoint: options.endpoint, runID: runID, encryptsData: options.encryptsData, admitted: options.admittedKeys
        ) { log.line($0) }
        let ticketPath = options.ticketPath ?? NSTemporaryDirectory() + "murmur-ticket-\(runID)"
        try channel.ticket.write(toFile: ticketPath)
        defer { unlink(ticketPath) }
        try ready(channel.ticket)

        let children = ChildProcesses()
        defer { children.killAll() }
        if options.spawnsWorkers {
            for _ in 0..<options.workers {
                try children.spawn(
                    arguments: ["worker", "--join", ticketPath], environment: ProcessInfo.processInfo.environment)
            }
        }
        var configuration = CoordinatorConfiguration(
            runID: RunID(runID), expectedWorkers: options.workers, maximumRanks: maximumRanks,
            job: try job.encoded(), rankZeroNeedsRunDirectory: rankZeroNeedsRunDirectory)
        configuration.joinTimeoutMilliseconds = options.joinTimeoutMilliseconds
        configuration.silenceMilliseconds = options.silenceMilliseconds
        return try CoordinatorProcess(
            channel: channel, configuration: configuration, children: children, handlers: handlers
        ).run()
    }
}
