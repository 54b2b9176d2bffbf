import ClusterProtocol
import Collectives
import Coordination
import Foundation
import SharedMemoryTransport
import Synchronization
import Training
import ZeroMQTransport

/// The thread on which a worker's job runs, with the data ports it owns; the control thread talks to it by mailbox.
///
/// `@unchecked Sendable`: `job` and the ports belong to the training thread alone, which takes them over at its start;
/// what both threads touch is behind a mutex.
final class TrainingThread: @unchecked Sendable {
    /// What the control thread asks for.
    private enum Command: Sendable {
        case prepare(job: [UInt8])
        case run(FormedGeneration, AbortSignal)
    }

    /// What both threads see.
    private struct Shared {
        var events: [WorkerMachine.TrainingEvent] = []
        /// The newest phase; older ones need not be told.
        var phase: WorkerMachine.TrainingEvent?
        var pendingYield: Training.YieldReason?
        /// Of the generation that runs or is about to.
        var abort: AbortSignal?
        /// Nil where no trace is asked for.
        var recorder: TraceRecorder?
    }

    private let runID: RunID
    private let port: DataPort
    private let gradientPort: DataPort
    private let waker: Waker
    private let commands = Mailbox<Command>()
    private let shared = Mutex(Shared())
    private var job: (any Job)?
    private var collectives = CollectiveSettings()
    /// For the worker's whole life, as gradient buckets outlive a generation.
    private var arena: SharedArena?

    /// - Parameters:
    ///   - port, gradientPort: from here on touched by the training thread, and whom it lends them to, only.
    ///   - waker: of the control thread, for when there are events to take.
    init(runID: RunID, port: DataPort, gradientPort: DataPort, waker: Waker) {
        self.runID = runID
        self.port = port
        self.gradientPort = gradientPort
        self.waker = waker
        let thread = Thread { [self] in serve() }
        thread.name = "training"
        // Backward recurses through the graph; Foundation's default of half a megabyte is little for that.
        thread.stackSize = 64 << 20
        thread.start()
    }

    // MARK: The control thread's side

    func prepare(job: [UInt8]) { commands.put(.prepare(job: job)) }

    func run(_ generation: FormedGeneration) throws {
        let abort = try AbortSignal()
        shared.withLock {
            $0.pendingYield = nil
            $0.abort = abort
        }
        commands.put(.run(generation, abort))
    }

    /// Breaks off the collective under way, if any, and every later one of the generation.
    func abort(_ reason: String) {
        shared.withLock { $0.abort }?.fire(reason)
    }

    /// Saves what this worker has of its trace, where it ends in the midst of a generation as its rank 0.
    func saveUnfinishedTrace() throws { try recorder?.writeUnfinished() }

    func setYield(_ reason: ClusterProtocol.YieldReason) {
        shared.withLock { $0.pendingYield = reason == .stop ? .stop : .regroup }
    }

    /// The events since the last call, the newest phase first.
    func takeEvents() -> [WorkerMachine.TrainingEvent] {
        shared.withLock { shared in
            let events = (shared.phase.map { [$0] } ?? []) + shared.events
            shared.phase = nil
            shared.events.removeAll(keepingCapacity: true)
            return events
        }
    }

    private var recorder: TraceRecorder? { shared.withLock { $0.recorder } }

    // MARK: The training thread's side

    private func post(_ event: WorkerMachine.TrainingEvent) {
        shared.withLock { $0.events.append(event) }
        waker.wake()
    }

    private func serve() {
        while true {
            switch commands.take() {
            case .prepare(let bytes): prepareJob(bytes)
            case .run(let generation, let abort): runJob(in: generation, abort)
            }
        }
    }

    private func prepareJob(_ bytes: [UInt8]) {
        do {
            let specification = try JobSpecification(decoding: bytes)
            collectives = specification.collectives
            if let path = specification.tracePath {
                let recorder = TraceRecorder(file: TraceFile(path: path, runID: runID.rawValue))
                shared.withLock { $0.recorder = recorder }
            }
            arena = try collectives.sharing == .never ? nil : makeArena()
            let job = try specification.makeJob(runID: runID.rawValue, arena: arena)
            let seesRunDirectory = try job.prepare()
            self.job = job
            post(.prepared(seesRunDirectory: seesRunDirectory))
        } catch {
            post(.failed(exitCode: ExitCode(for: error).rawValue, text: "\(error)"))
        }
    }

    private func runJob(in formed: FormedGeneration, _ abort: AbortSignal) {
        guard let job else {
            preconditionFailure("a generation was formed before the job was prepared")
        }
        do {
            let link = try port.makeLink(
                rank: formed.rank, peers: formed.members.map { try PeerAddress($0) }, runID: runID.rawValue,
                generation: formed.generation.rawValue, abort: abort)
            defer { link.close() }
            let source: Int? = if case .rank(let rank) = formed.stateSource { Int(rank) } else { nil }
            let communicator = try GenerationCommunicator.form(
                over: link, arena: arena, settings: collectives, abort: abort, note: noticed)
            let recorder = recorder
            try recorder?.beginGeneration(formed.generation.rawValue, over: communicator)
            recorder?.attach(communicator)
            let generation = JobGeneration(
                communicator: communicator, stateSource: source, arena: arena,
                gradientLane: GradientLane(
                    port: gradientPort, formed: formed, runID: runID.rawValue, arena: arena, settings: collectives,
                    abort: abort, recorder: recorder))
            let outcome = try job.run(generation, observer: self)
            if let warning = try recorder?.endGeneration(over: communicator) { noticed(warning) }
            report(outcome, of: job)
        } catch let error as CollectiveError {
            reportBrokenCollective(error)
        } catch {
            post(.failed(exitCode: ExitCode(for: error).rawValue, text: "\(error)"))
        }
    }

    /// Where memory cannot be shared, everything goes over the network, unless it was asked not to.
    private func makeArena() throws -> SharedArena? {
        do {
            return try SharedArena()
        } catch  where collectives.sharing == .auto {
            post(.notice(text: "\(error); ranks of this host use the network"))
            return nil
        }
    }

    private func report(_ outcome: GenerationOutcome, of job: any Job) {
        switch outcome {
        case .finished(let result):
            post(.finished(payload: result))
        case .yielded(let nextStep, let reason):
            post(.idle(nextStep: UInt64(nextStep), hasState: true, reason: reason == .stop ? .stop : .regroup))
        }
    }

    private func reportBrokenCollective(_ error: CollectiveError) {
        switch error.cause {
        case .peerLost(let rank, _):
            post(.linkLost(rank: UInt32(rank), text: "\(error)"))
        case .aborted:
            // The control thread asked for it and knows.
            break
        default:
            post(.failed(exitCode: ExitCode(for: error).rawValue, text: "\(error)"))
        }
    }
}

extension TrainingThread: TrainingObserver {
    func entered(_ phase: TrainingPhase, step: Int) {
        let name = phase.name
        let recorder = shared.withLock {
            $0.phase = .stepBegan(step: UInt64(step), phase: name)
            return $0.recorder
        }
        recorder?.entered(name, step: step)
    }

    func completed(_ record: StepRecord) {
        post(.progress(step: UInt64(record.step), payload: record.jsonLine()))
    }

    func noticed(_ text: String) { post(.notice(text: text)) }

    var pendingYield: Training.YieldReason? { shared.withLock { $0.pendingYield } }
}
