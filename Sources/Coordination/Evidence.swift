import ClusterProtocol

/// What is known against the members of a ring until it is clear who is at fault.
///
/// When one worker dies its neighbours' collectives break too, and their complaints may arrive first. So a complaint is
/// kept until the one it points at has been silent, has exited or has confessed.
struct Evidence: Sendable {
    /// Somebody is gone for certain.
    struct Loss: Sendable {
        /// Nil for a process that had not joined.
        var id: WorkerID?
        /// Who was lost where and why, in one line.
        var text: String
    }

    /// A member lost its data link to another.
    struct Suspicion: Sendable {
        var reporter: WorkerName
        var target: WorkerName
        var since: UInt64
        var text: String
    }

    /// A failure that may be only the echo of somebody else's.
    struct HeldFailure: Sendable {
        var id: WorkerID
        var outcome: Outcome
        var until: UInt64
    }

    private(set) var losses: [Loss] = []
    /// When the losses are named.
    private(set) var verdictAt: UInt64?
    private(set) var suspicions: [Suspicion] = []
    private(set) var heldFailures: [HeldFailure] = []

    mutating func add(_ loss: Loss, verdictAt deadline: UInt64) {
        if let id = loss.id, losses.contains(where: { $0.id == id }) { return }
        losses.append(loss)
        verdictAt = verdictAt ?? deadline
    }

    func isLost(_ id: WorkerID) -> Bool {
        losses.contains { $0.id == id }
    }

    /// False if the same suspicion is held already.
    mutating func add(_ suspicion: Suspicion) -> Bool {
        if suspicions.contains(where: { $0.reporter.id == suspicion.reporter.id && $0.target.id == suspicion.target.id }
        ) {
            return false
        }
        suspicions.append(suspicion)
        return true
    }

    mutating func hold(_ failure: HeldFailure) {
        heldFailures.append(failure)
    }

    /// Whether `id` has said itself that it failed, be it by its own fault or not.
    func hasFailed(_ id: WorkerID) -> Bool {
        heldFailures.contains { $0.id == id }
    }

    /// The first suspicion against `target`.
    func suspicion(against target: WorkerID) -> Suspicion? {
        suspicions.first { $0.target.id == target }
    }

    func hasSuspicion(by reporter: WorkerID) -> Bool {
        suspicions.contains { $0.reporter.id == reporter }
    }

    /// The reporter got over a step boundary after all.
    mutating func forgetReporter(_ reporter: WorkerID) {
        suspicions.removeAll { $0.reporter.id == reporter }
    }

    /// Moves the beginning of all suspicions, as if the time before had not been.
    mutating func shift(by milliseconds: UInt64) {
        for index in suspicions.indices {
            suspicions[index].since += milliseconds
        }
    }
}
