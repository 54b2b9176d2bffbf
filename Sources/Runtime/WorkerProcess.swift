import ClusterProtocol
import Coordination
import Foundation
import Training
import ZeroMQTransport

/// A worker: joins the coordinator of a ticket and does what the run asks, until it is told to end.
///
/// This thread owns the control channel and the state machine; a second one computes.
public final class WorkerProcess {
    /// What a worker can be told on its command line.
    public struct Options {
        /// From the coordinator.
        public var ticket: Ticket
        /// The host or address for this worker's data port; nil chooses the one that reaches the coordinator.
        public var bindHost: String?
        /// A key of this worker's own that is on the coordinator's allow-list; nil uses the ticket's.
        public var keys: CurveKeyPair?
        /// Threads that carry what workers exchange over the network, 1 or more.
        public var ioThreads: Int

        public init(ticket: Ticket, bindHost: String? = nil, keys: CurveKeyPair? = nil, ioThreads: Int = 1) {
            self.ticket = ticket
            self.bindHost = bindHost
            self.keys = keys
            self.ioThreads = ioThreads
        }
    }

    private let options: Options
    private let logger: Logger
    private let network: WorkerNetwork
    private var machine: WorkerMachine
    private let training: TrainingThread
    private let leaveRequests = Mailbox<Void>()
    private var exitCode: Int32?

    /// - Throws: `TransportError` where the data port cannot be bound.
    public init(_ options: Options) throws {
        self.options = options
        logger = Logger(role: "worker \(ProcessInfo.processInfo.processIdentifier)")
        network = try WorkerNetwork(options) { [logger] in logger.line($0) }
        var random = SystemRandomNumberGenerator()
        let join = Message.Join(
            incarnation: Incarnation(random.next(), random.next()), host: ProcessInfo.processInfo.hostName,
            pid: ProcessInfo.processInfo.processIdentifier, threads: 1, dataEndpoint: network.dataEndpoint,
            dataPublicKey: network.dataPublicKey)
        let runID = RunID(options.ticket.runID)
        machine = WorkerMachine(
            configuration: WorkerConfiguration(
                runID: runID, join: join, coordinatorEndpoint: options.ticket.endpoint),
            now: MonotonicClock.milliseconds)
        training = TrainingThread(
            runID: runID, port: network.port, gradientPort: network.gradientPort, waker: network.control.waker)
    }

    /// Serves until the run ends for this worker.
    ///
    /// - Returns: the process's exit code.
    public func run() throws -> Int32 {
        let signals = Signals { [leaveRequests, waker = network.control.waker] in
            leaveRequests.put(())
            waker.wake()
        }
        defer { withExtendedLifetime(signals) {} }
        while exitCode == nil {
            let bytes = try network.control.receive(timeoutMilliseconds: 50)
            // The coordinator's list does not change while it runs, so that asking again would be in vain.
            if network.control.isRefused, let trouble = network.control.linkTrouble { throw Failure(.refused, trouble) }
            let now = MonotonicClock.milliseconds
            if let bytes { try perform(machine.handle(Self.event(from: bytes, now: now))) }
            for event in training.takeEvents() { try perform(machine.handle(.training(event, now: now))) }
            for _ in leaveRequests.drain() { try perform(machine.handle(.leaveRequested(now: now))) }
            try perform(machine.handle(.tick(now: now)))
        }
        network.closeControl()
        return exitCode ?? ExitCode.internalError.rawValue
    }

    private static func event(from bytes: [UInt8], now: UInt64) -> WorkerMachine.Event {
        do {
            return .received(try IncomingFrame(decoding: bytes), now: now)
        } catch {
            return .malformed(error, now: now)
        }
    }

    private func perform(_ directives: [WorkerMachine.Directive]) throws {
        // Before the last words go out, as the coordinator ends its own workers soon after them.
        if directives.contains(where: \.isExit) { saveUnfinishedTrace() }
        for directive in directives where exitCode == nil {
            switch directive {
            case .send(let frame):
                try network.control.send(frame.encoded())
            case .prepare(_, let job):
                training.prepare(job: job)
            case .runGeneration(let generation):
                network.admit(generation.members)
                try training.run(generation)
            case .setYield(let reason):
                training.setYield(reason)
            case .abortCollectives(let text):
                training.abort(text)
            case .log(let line):
                if line.severity >= .warning { logger.line(line.description) }
            case .exit(let code, let text):
                if code != ExitCode.success.rawValue { logger.line(text + linkTrouble(for: code)) }
                exitCode = code
            }
        }
    }

    private func saveUnfinishedTrace() {
        do {
            try training.saveUnfinishedTrace()
        } catch {
            logger.line("\(error)")
        }
    }

    /// What the connection itself knows about why nobody answered.
    private func linkTrouble(for code: Int32) -> String {
        guard code == ExitCode.network.rawValue, let trouble = network.control.linkTrouble else { return "" }
        return " (\(trouble))"
    }
}

extension WorkerMachine.Directive {
    fileprivate var isExit: Bool { if case .exit = self { true } else { false } }
}
