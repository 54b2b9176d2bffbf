import ClusterProtocol

/// Something worth telling, with what it is about as values and one line of text as its description.
public enum LogLine: Equatable, Sendable {
    // The coordinator's.
    case joined(WorkerName, threads: Int, dataEndpoint: String)
    case prepared(WorkerName, seesRunDirectory: Bool)
    case refused(String, Message.Refusal)
    case formed(Generation, ring: [WorkerName], startStep: UInt64, stateSource: StateSource)
    case standingBy(WorkerName, why: String)
    case yieldAsked(Generation, YieldReason, why: String)
    case leaving(WorkerName)
    case left(WorkerName)
    /// Gone while outside the ring, which does not harm the run.
    case removed(WorkerName, why: String)
    case suspected(WorkerName, why: String)
    /// A neighbour's words of warning.
    case notice(WorkerName, text: String)
    case stopRequested(immediately: Bool)
    /// All members are alive, but none has moved on.
    case stalled(Generation, milliseconds: UInt64, members: [String])
    /// The coordinator itself did not run for a while; nobody is blamed for that time.
    case slept(milliseconds: UInt64)
    case ending(Outcome)

    // The worker's.
    case joining(endpoint: String)
    case welcomed(WorkerID, endpoint: String)
    case waiting(text: String)
    case ringFormed(Generation, rank: Int, worldSize: Int, startStep: UInt64, stateSource: StateSource)
    case askedToYield(Generation, YieldReason)
    case aborted(Generation, text: String)
    case linkLost(Generation, rank: Int, text: String)
    case askedToLeave(immediately: Bool)

    // Both.
    /// A message that does not fit the state or the generation, and is not acted upon.
    case dropped(MessageID, Generation, from: String, why: String)
    case malformed(WireError, from: String)

    public enum Severity: Int, Comparable, Sendable {
        case debug, info, warning, error

        public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
    }

    public var severity: Severity {
        switch self {
        case .dropped, .prepared, .joining, .slept: .debug
        case .joined, .formed, .standingBy, .yieldAsked, .leaving, .left, .welcomed, .waiting, .ringFormed,
            .askedToYield:
            .info
        case .refused, .removed, .suspected, .notice, .stopRequested, .stalled, .aborted, .linkLost, .askedToLeave,
            .malformed:
            .warning
        case .ending(let outcome): outcome.exitCode == ExitCode.success ? .info : .error
        }
    }
}

extension LogLine: CustomStringConvertible {
    public var description: String {
        switch self {
        case .joined(let worker, let threads, let endpoint):
            "\(worker) joined with \(threads) thread\(threads == 1 ? "" : "s"), data at \(endpoint.onOneLine)"
        case .prepared(let worker, let sees):
            "\(worker) is prepared and \(sees ? "sees" : "does not see") the run directory"
        case .refused(let who, let refusal): "\(who) refused: \(refusal.text.onOneLine)"
        case .formed(let generation, let ring, let step, let source):
            "generation \(generation) starts with \(ring.count) rank\(ring.count == 1 ? "" : "s") "
                + "\(source.phrase(startStep: step)): " + ring.map(\.description).joined(separator: ", ")
        case .standingBy(let worker, let why): "\(worker) stands by: \(why)"
        case .yieldAsked(let generation, let reason, let why):
            "generation \(generation) is asked to leave at a step boundary (\(reason)): \(why)"
        case .leaving(let worker): "\(worker) asks to leave"
        case .left(let worker): "\(worker) left"
        case .removed(let worker, let why): "\(worker) is gone: \(why.onOneLine)"
        case .suspected(let worker, let why): "\(worker) is suspected: \(why.onOneLine)"
        case .notice(let worker, let text): "\(worker): \(text.onOneLine)"
        case .stopRequested(let immediately):
            immediately ? "stopping at once" : "stopping at the next step boundary; once more stops at once"
        case .stalled(let generation, let milliseconds, let members):
            "generation \(generation) has not moved on for \(seconds(milliseconds)): "
                + members.joined(separator: ", ")
        case .slept(let milliseconds): "the coordinator did not run for \(seconds(milliseconds))"
        case .ending(let outcome): "the run ends with exit code \(outcome.exitCode): \(outcome.text)"

        case .joining(let endpoint): "joining the coordinator at \(endpoint)"
        case .welcomed(let id, let endpoint): "joined the coordinator at \(endpoint) as worker \(id)"
        case .waiting(let text): "waiting outside the ring: \(text.onOneLine)"
        case .ringFormed(let generation, let rank, let worldSize, let step, let source):
            "generation \(generation): rank \(rank) of \(worldSize), \(source.phrase(startStep: step))"
        case .askedToYield(let generation, let reason):
            "leaving generation \(generation) at a step boundary (\(reason))"
        case .aborted(let generation, let text): "generation \(generation) is given up: \(text.onOneLine)"
        case .linkLost(let generation, let rank, let text):
            "generation \(generation): data link to rank \(rank) lost: \(text.onOneLine)"
        case .askedToLeave(let immediately):
            immediately ? "leaving at once" : "leaving at the next step boundary; once more leaves at once"

        case .dropped(let message, let generation, let who, let why):
            "dropped \(message) of generation \(generation) from \(who): \(why)"
        case .malformed(let error, let who): "dropped bytes from \(who): \(error.description.onOneLine)"
        }
    }
}

extension StateSource {
    fileprivate func phrase(startStep: UInt64) -> String {
        switch self {
        case .initial: "from the job's initial state"
        case .rank(let rank): "at step \(startStep) with the state of rank \(rank)"
        }
    }
}
