import Checkpoints
import Collectives
import Configuration
import ImagePipeline
import Testing
import Training

/// What one rank saw of a generation.
struct RankReport: Sendable {
    let outcome: GenerationOutcome
    let records: [StepRecord]
    let notices: [String]
    /// How often the rank was asked for a wish to yield, by step.
    let questions: [Int]
    let completedSteps: Int
    let state: [String: [TensorRecord]]

    var losses: [Double] { records.map(\.loss) }
    var hasFinished: Bool { if case .finished = outcome { true } else { false } }
    /// The step that the ranks agreed to stop before, and why.
    var yielded: (nextStep: Int, reason: YieldReason)? {
        if case .yielded(let nextStep, let reason) = outcome { (nextStep, reason) } else { nil }
    }
}

/// Notes what the loop tells, and wishes what the test says.
final class TestObserver: TrainingObserver {
    private(set) var records: [StepRecord] = []
    private(set) var notices: [String] = []
    private(set) var questions: [Int] = []
    private var step = 0
    private let wish: (Int) -> YieldReason?
    private let onPhase: (TrainingPhase, Int) -> Void

    init(wish: @escaping (Int) -> YieldReason?, onPhase: @escaping (TrainingPhase, Int) -> Void) {
        self.wish = wish
        self.onPhase = onPhase
    }

    func entered(_ phase: TrainingPhase, step: Int) {
        self.step = step
        onPhase(phase, step)
    }

    func completed(_ record: StepRecord) { records.append(record) }

    func noticed(_ text: String) { notices.append(text) }

    var pendingYield: YieldReason? {
        questions.append(step)
        return wish(step)
    }
}

/// A generation of ranks in this process.
struct TestRun: Sendable {
    var configuration: RunConfiguration
    /// The dataset as each rank sees it.
    var dataset: @Sendable (_ rank: Int) -> any ImageDataset = { _ in SyntheticImages(count: 64) }
    /// Where each rank would save.
    var checkpoints: @Sendable (_ rank: Int) -> CheckpointWriter? = { _ in nil }
    /// A checkpoint that rank 0 takes up.
    var resumed: CheckpointContents?
    /// A wish of `rank` to end the generation, asked for within `step`.
    var wish: @Sendable (_ rank: Int, _ step: Int) -> YieldReason? = { _, _ in nil }
    var onPhase: @Sendable (_ rank: Int, TrainingPhase, _ step: Int) -> Void = { _, _, _ in }
    var limits = CollectiveLimits()

    init(_ configuration: RunConfiguration) {
        self.configuration = configuration
    }

    func trainer(rank: Int, bucketMemory: BucketAllocator? = nil) throws -> Trainer {
        let trainer = try Trainer(
            configuration: configuration, runID: "test", dataset: dataset(rank), checkpoints: checkpoints(rank),
            bucketMemory: bucketMemory)
        if rank == 0, let resumed { try trainer.state.restore(resumed) }
        return trainer
    }

    /// One generation of `trainer`, as this rank sees it.
    func generation(
        _ trainer: Trainer, _ communicator: Communicator, exchange: (any GradientExchange)? = nil, source: Int = 0
    ) throws -> RankReport {
        let rank = communicator.rank
        let observer = TestObserver(wish: { wish(rank, $0) }, onPhase: { onPhase(rank, $0, $1) })
        let outcome = try trainer.run(
            source: source, over: communicator, exchange: exchange, observer: observer)
        return RankReport(
            outcome: outcome, records: observer.records, notices: observer.notices, questions: observer.questions,
            completedSteps: trainer.state.completedSteps, state: try trainer.state.groups())
    }

    /// What each of `ranks` ranks returned or threw.
    func results(on ranks: Int) -> [Result<RankReport, any Error>] {
        onRanks(ranks, limits: limits) { try generation(trainer(rank: $0.rank), $0) }
    }

    func reports(on ranks: Int) throws -> [RankReport] {
        try results(on: ranks).map { try $0.get() }
    }
}
