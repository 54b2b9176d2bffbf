import ClusterProtocol

/// What the coordinator knows of one worker.
struct CoordinatorMember: Sendable {
    let id: WorkerID
    let connection: ConnectionID
    let join: Message.Join
    var state = State.preparing
    /// Place in the present ring; nil outside it.
    var rank: Int?
    var seesRunDirectory = false
    /// Asked to leave; let go at the next step boundary.
    var isLeaving = false
    /// Its process is known to have ended: nobody is there to be told anything.
    var hasExited = false
    var lastHeard: UInt64
    /// Since when the transport has had no link to it.
    var unreachableSince: UInt64?
    var step: UInt64 = 0
    var phase = ""

    enum State: Equatable, Sendable {
        /// Reads the job and opens its data.
        case preparing
        /// Can be put into a ring.
        case ready
        case running
        /// Left the generation at a step boundary.
        case idle(nextStep: UInt64, hasState: Bool, reason: YieldReason)
        /// Its training is complete; whatever becomes of the process now does no harm.
        case finished
        /// Was sent `end`.
        case ending
    }

    var name: WorkerName { WorkerName(id: id, rank: rank, host: join.host, pid: join.pid) }

    /// Where it was last seen: `at step 17 in phase backward`.
    var place: String {
        switch state {
        case .preparing: "while preparing"
        case .ready: "while waiting for a ring"
        case .idle(let nextStep, _, _): "between steps, before step \(nextStep)"
        case .running, .finished, .ending:
            phase.isEmpty ? "at step \(step)" : "at step \(step) in phase \(phase.onOneLine)"
        }
    }

    var isIdle: Bool {
        if case .idle = state { true } else { false }
    }

    /// Whether it can be in the next ring without further ado.
    var isAvailable: Bool { state == .ready || isIdle }

    /// Whether it holds the run's state as of the last step boundary.
    var hasState: Bool {
        if case .idle(_, true, _) = state { true } else { false }
    }

    var ringMember: RingMember {
        RingMember(
            workerID: id, host: join.host, pid: join.pid, dataEndpoint: join.dataEndpoint,
            dataPublicKey: join.dataPublicKey)
    }
}
