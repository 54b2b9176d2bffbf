import ClusterProtocol
import Coordination

/// A coordinator under test with a clock, and workers that say what the test lets them say.
struct CoordinatorDriver {
    static let run = RunID(0xA11)

    var machine: CoordinatorMachine
    var now: UInt64 = 0
    var generation = Generation.none
    /// All directives so far.
    var log: [LogLine] = []
    var sent: [(frame: Frame, node: UInt8)] = []
    var outcome: Outcome?

    init(expected: Int, maximumRanks: Int = 8, _ adjust: (inout CoordinatorConfiguration) -> Void = { _ in }) {
        var configuration = CoordinatorConfiguration(
            runID: Self.run, expectedWorkers: expected, maximumRanks: maximumRanks, job: [1, 2, 3])
        adjust(&configuration)
        machine = CoordinatorMachine(configuration: configuration, now: 0)
    }

    /// Gives the machine an event; returns what it sent in answer.
    @discardableResult
    mutating func handle(_ event: CoordinatorMachine.Event) -> [(frame: Frame, node: UInt8)] {
        var answers: [(frame: Frame, node: UInt8)] = []
        for directive in machine.handle(event) {
            switch directive {
            case .send(let frame, let connection): answers.append((frame, connection.bytes[0]))
            case .log(let line): log.append(line)
            case .ended(let outcome): self.outcome = outcome
            case .record: break
            }
        }
        for case (let frame, _) in answers where frame.message.id == .form { generation = frame.generation }
        sent += answers
        return answers
    }

    @discardableResult
    mutating func say(
        _ node: UInt8, _ message: Message, run: RunID = run, generation other: Generation? = nil
    ) -> [(frame: Frame, node: UInt8)] {
        let frame = Frame(runID: run, generation: other ?? generation, message: message)
        return handle(.received(.frame(frame), from: ConnectionID([node]), now: now))
    }

    static func join(_ node: UInt8, host: String = "a", incarnation: UInt64? = nil) -> Message {
        .join(
            Message.Join(
                incarnation: Incarnation(0, incarnation ?? UInt64(node)), host: host, pid: 100 + Int32(node),
                threads: 1, dataEndpoint: "tcp://\(host):\(node)"))
    }

    /// Joins and prepares the workers, one after another.
    mutating func gather(_ nodes: [UInt8], host: String = "a", seesRunDirectory: Bool = true) {
        for node in nodes {
            say(node, Self.join(node, host: host))
            say(node, .prepared(seesRunDirectory: seesRunDirectory))
        }
    }

    /// Lets time pass in ticks of 50 ms; the workers in `alive` send heartbeats.
    mutating func pass(_ milliseconds: UInt64, alive: [UInt8] = [], step: UInt64 = 7) {
        let end = now + milliseconds
        while now < end {
            now = min(end, now + 50)
            for node in alive where now % 250 == 0 { say(node, .heartbeat(step: step, phase: "backward")) }
            handle(.tick(now: now))
        }
    }

    /// What was sent to a node, heartbeats left out.
    func messages(to node: UInt8) -> [Message] {
        sent.filter { $0.node == node && $0.frame.message != .coordinatorHeartbeat }.map(\.frame.message)
    }

    /// The outcome as soon as it is decided, before the workers are gone.
    var decided: Outcome? {
        for case .ending(let outcome) in log { return outcome }
        return nil
    }
}
