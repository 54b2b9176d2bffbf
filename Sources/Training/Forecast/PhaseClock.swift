/// Times the phases of steps; the first step warms up.
final class PhaseClock: TrainingObserver {
    private let patience: Double
    private let began = ContinuousClock().now
    private var steps: [Int: ProbeMeasurement.Step] = [:]
    private var current: (phase: TrainingPhase, step: Int, since: ContinuousClock.Instant)?

    init(patience: Double) { self.patience = patience }

    func entered(_ phase: TrainingPhase, step: Int) {
        let now = ContinuousClock().now
        if let current {
            let path: WritableKeyPath<ProbeMeasurement.Step, Double>? =
                switch current.phase {
                case .forward: \.forward
                case .loss: \.loss
                case .backward: \.backward
                case .reduce: \.reduce
                case .update: \.update
                case .idle, .restore, .load, .save: nil
                }
            if let path {
                steps[current.step, default: ProbeMeasurement.Step(slices: 0)][keyPath: path] +=
                    (now - current.since).seconds
            }
        }
        current = (phase, step, now)
    }

    /// The step after the first at the lower quartile. What else runs on a machine only makes steps longer, so that the
    /// median of a few is often too long; the fastest is one that a long run's steps seldom reach.
    var typical: ProbeMeasurement.Step {
        entered(.idle, step: 0)
        let timed = steps.filter { $0.key > 1 }.values.sorted { $0.seconds < $1.seconds }
        return timed.isEmpty ? .init(slices: 0) : timed[timed.count / 4]
    }

    func completed(_ record: StepRecord) {}
    func noticed(_ text: String) {}

    var pendingYield: YieldReason? {
        let enough = (current?.step ?? 0) > 1 && (ContinuousClock().now - began).seconds > patience
        return enough ? .stop : nil
    }
}
