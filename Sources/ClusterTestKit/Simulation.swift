import ClusterProtocol
import Coordination
import Randomness

/// One coordinator and its workers in a single thread: the two machines, a manual clock, a seeded network, and a model of
/// training in place of the real one. The same scenario always runs alike.
///
/// All messages cross the network as bytes.
public struct Simulation {
    enum Event {
        case start(Int)
        case tick(Int)
        case arrive([UInt8], SimulatedNetwork.Route)
        case training(Int, WorkerMachine.TrainingEvent)
        case stepDone(Generation, step: UInt64)
        case processExited(Int, status: String)
        case undeliverable(Int)
        case act(Scenario.Action)
    }

    let scenario: Scenario
    var clock = ManualClock()
    var queue = EventQueue<Event>()
    var network: SimulatedNetwork
    var random: Philox
    var coordinator: CoordinatorMachine
    var coordinatorRuns = true
    /// Index 0 is worker node 1.
    var workers: [SimulatedWorker]
    var rings: [Generation: ModelRing] = [:]
    var paused: Set<Int> = []
    /// What waits for a paused node.
    var backlog: [Int: [Event]] = [:]
    /// Frames bound to a generation, for replay.
    var oldFrames: [(Frame, SimulatedNetwork.Route)] = []
    var report = SimulationReport()

    public init(_ scenario: Scenario) {
        self.scenario = scenario
        network = SimulatedNetwork(seed: scenario.seed, delays: scenario.networkDelays)
        random = Philox(seed: scenario.seed, path: [0x7369_6D])
        var configuration = CoordinatorConfiguration(
            runID: RunID(Scenario.runID), expectedWorkers: scenario.expectedWorkers,
            maximumRanks: scenario.maximumRanks, job: Array("job".utf8),
            rankZeroNeedsRunDirectory: scenario.rankZeroNeedsRunDirectory)
        configuration.joinTimeoutMilliseconds = scenario.joinTimeout
        coordinator = CoordinatorMachine(configuration: configuration, now: 0)
        workers = scenario.workers.enumerated().map { SimulatedWorker(node: $0.offset + 1, $0.element) }
        queue.schedule(.tick(0), at: 0)
        for worker in workers {
            queue.schedule(.start(worker.node), at: worker.plan.startsAt)
        }
        for (time, action) in scenario.actions {
            queue.schedule(.act(action), at: time)
        }
    }

    /// Runs until all is over or the scenario's limit is reached.
    public static func run(_ scenario: Scenario) -> SimulationReport {
        var simulation = Simulation(scenario)
        simulation.run()
        return simulation.report
    }

    private mutating func run() {
        while let (time, event) = queue.next() {
            if time > scenario.limit {
                violation("something had not ended after \(scenario.limit) ms")
                break
            }
            clock.advance(to: time)
            if let node = node(of: event), paused.contains(node) {
                backlog[node, default: []].append(event)
            } else {
                handle(event)
            }
            if isOver { break }
        }
        if !isOver, report.violations.isEmpty { violation("nothing more happens, and not all has ended") }
        report.workers = workers.map(\.report)
    }

    private var isOver: Bool {
        !coordinatorRuns && workers.allSatisfy { $0.phase == .over }
    }

    private func node(of event: Event) -> Int? {
        switch event {
        case .start(let node), .tick(let node), .training(let node, _): node
        case .arrive(_, let route): route.to
        case .processExited, .undeliverable: 0
        case .stepDone, .act: nil
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .start(let node): start(node)
        case .tick(0):
            guard coordinatorRuns else { return }
            tellCoordinator(.tick(now: clock.now))
            queue.schedule(.tick(0), at: clock.now + draw(scenario.tickIntervals))
        case .tick(let node):
            guard workers[node - 1].phase == .running else { return }
            tell(node, .tick(now: clock.now))
            queue.schedule(.tick(node), at: clock.now + draw(scenario.tickIntervals))
        case .arrive(let bytes, let route): arrive(bytes, route)
        case .training(let node, let report): trainingReports(node, report)
        case .stepDone(let generation, let step): stepDone(generation, step)
        case .processExited(let node, let status):
            tellCoordinator(
                .workerProcessExited(
                    host: workers[node - 1].plan.host, pid: Scenario.pid(of: node), status: status, now: clock.now))
        case .undeliverable(let node): tellCoordinator(.connectionUndeliverable(connection(of: node), now: clock.now))
        case .act(let action): act(action)
        }
    }

    mutating func draw(_ range: ClosedRange<UInt64>) -> UInt64 {
        range.lowerBound + UInt64(random.below(Int(range.upperBound - range.lowerBound) + 1))
    }

    mutating func later(_ range: ClosedRange<UInt64>, _ event: Event) {
        queue.schedule(event, at: clock.now + draw(range))
    }

    mutating func violation(_ text: String) {
        report.violations.append("at \(clock.now) ms: \(text)")
    }
}

/// A worker node of the simulation: its machine and what the model of training knows of it.
struct SimulatedWorker {
    enum Phase {
        case notStarted, running, over
    }

    let node: Int
    let plan: Scenario.Worker
    var phase = Phase.notStarted
    var machine: WorkerMachine
    var id: WorkerID?
    /// The generation whose ring it computes in.
    var generation: Generation?
    /// The step after the last one that its parameters have seen; nil without state.
    var nextStep: UInt64?
    /// What `setYield` asked for in the present generation.
    var flag: YieldReason?
    var report: SimulationReport.Worker

    init(node: Int, _ plan: Scenario.Worker) {
        self.node = node
        self.plan = plan
        let join = Message.Join(
            incarnation: Incarnation(1, UInt64(node)), host: plan.host, pid: Scenario.pid(of: node), threads: 1,
            dataEndpoint: "mem:w\(node)")
        var configuration = WorkerConfiguration(
            runID: RunID(plan.runID), join: join, coordinatorEndpoint: "mem:c")
        configuration.version = ProtocolVersion(plan.protocolVersion)
        configuration.joinTimeoutMilliseconds = 20_000
        machine = WorkerMachine(configuration: configuration, now: plan.startsAt)
        report = SimulationReport.Worker(node: node)
    }
}
