import Checkpoints
import Collectives
import Configuration
import Contrastive
import Foundation
import ImagePipeline
import Torch

/// Trains by a configuration, one generation of ranks after the other: the loop that every worker runs.
///
/// One thread owns it.
public final class Trainer {
    public let configuration: RunConfiguration
    /// Identifies the run in its checkpoints.
    private let runID: String
    public let plan: TrainingPlan
    public let state: TrainingState
    private let dataset: any ImageDataset
    private let checkpoints: CheckpointWriter?
    private var badImages = BadImageTally()
    private var watch: CollapseWatch
    private let batches: TrainingBatches

    /// - Parameters:
    ///   - configuration: with everything that depends on the data already resolved (`resolved(for:)`).
    ///   - checkpoints: where rank 0 saves; nil saves nothing.
    ///   - bucketMemory: gives the memory of gradient buckets; nil takes the process' own.
    public init(
        configuration: RunConfiguration, runID: String, dataset: any ImageDataset, checkpoints: CheckpointWriter?,
        bucketMemory: BucketAllocator? = nil
    ) throws {
        self.configuration = configuration
        self.runID = runID
        self.dataset = dataset
        self.checkpoints = checkpoints
        plan = try TrainingPlan(configuration, datasetCount: dataset.count)
        batches = TrainingBatches(of: dataset, configuration, plan)
        watch = CollapseWatch(interval: configuration.collapse.every)
        let method = try ModelFactory.method(configuration, images: dataset.count)
        state = try TrainingState(
            method: method,
            optimizer: ModelFactory.optimizer(configuration, parameters: method.network.parameters),
            bucketBytes: configuration.collectives.bucketBytes,
            gradientFormat: configuration.collectives.gradients, seed: configuration.seed, bucketMemory: bucketMemory)
    }

    /// Runs steps until the last, or until the ranks agree to end the generation.
    ///
    /// - Parameters:
    ///   - source: the rank whose state everyone takes over first.
    ///   - exchange: sums the gradients; nil does it over `communicator` when backward is through.
    public func run(
        source: Int, over communicator: Communicator, exchange: (any GradientExchange)? = nil,
        observer: any TrainingObserver
    ) throws -> GenerationOutcome {
        observer.entered(.restore, step: state.completedSteps + 1)
        try DatasetAgreement.check(dataset, over: communicator)
        try state.broadcast(from: source, over: communicator)
        try badImages.unite(over: communicator)
        let assignment = SliceAssignment(
            globalBatch: plan.globalBatch, sliceSize: plan.sliceSize, worldSize: communicator.size)
        let share = assignment.positions(of: communicator.rank)
        let budget = configuration.memoryBudget.map {
            GraphBudget(total: $0.bytes, ahead: batches.bytesAhead(images: share.count))
        }
        let step = TrainingStep(
            state: state, plan: plan, assignment: assignment, communicator: communicator,
            exchange: exchange ?? DirectExchange(communicator), batchNorm: configuration.batchNorm.mode,
            isReproducible: configuration.reproducible, biasRate: configuration.biasRate, seed: configuration.seed,
            budget: budget)
        if state.completedSteps == 0, state.method.needsFirstPass {
            if let reason = try firstPass(step, share: share, observer) {
                return .yielded(nextStep: 1, reason: reason)
            }
        }
        let loader = try batches.loader(share: share, from: state.completedSteps + 1, through: plan.totalSteps)
        defer { loader.cancel() }

        while state.completedSteps < plan.totalSteps {
            let agreed = try run(step, loader, observer)
            if let reason = agreed {
                try save(communicator, observer, cause: reason == .stop ? .stopped : .schedule)
                try checkpoints?.finish()
                return .yielded(nextStep: state.completedSteps + 1, reason: reason)
            }
            try save(communicator, observer, cause: .schedule)
        }
        try save(communicator, observer, cause: .finished)
        try checkpoints?.finish()
        return .finished(result: [])
    }

    /// Shows the method the first epoch's batches without a step; returns what the ranks agreed to do instead of going on.
    private func firstPass(
        _ step: TrainingStep, share: Range<Int>, _ observer: any TrainingObserver
    ) throws -> YieldReason? {
        let loader = try batches.loader(share: share, from: 1, through: plan.stepsPerEpoch)
        defer { loader.cancel() }
        for number in 1...plan.stepsPerEpoch {
            observer.entered(.load, step: 1)
            guard let batch = try loader.next() else {
                throw TrainingError.unsupported("the loader ended before batch \(number) of the pass before step 1")
            }
            let pass = try step.begin(number, samples: batches.samples(of: number)) { observer.entered($0, step: 1) }
            try state.method.observe(batch.allImages(), in: pass)
            let reason = try agree(on: batch, lossShare: 0, step.communicator, observer).yield
            if let reason { return reason }
        }
        return nil
    }

    /// One step; returns what the ranks agreed to do after it.
    private func run(
        _ step: TrainingStep, _ loader: BatchLoader, _ observer: any TrainingObserver
    ) throws -> YieldReason? {
        let number = state.completedSteps + 1
        let start = DispatchTime.now().uptimeNanoseconds
        observer.entered(.load, step: number)
        guard let batch = try loader.next() else {
            throw TrainingError.unsupported("the loader ended before step \(number)")
        }
        let pass = try step.begin(number, samples: batches.samples(of: number)) { observer.entered($0, step: number) }
        let (loss, share, times) = try step.gradients(of: batch.allImages(), in: pass) {
            observer.entered($0, step: number)
        }
        let agreement = try agree(on: batch, lossShare: share, step.communicator, observer)
        guard agreement.loss.isFinite else {
            throw TrainingError.lossIsNotFinite(step: number, loss: agreement.loss)
        }
        var statistics: EmbeddingStatistics?
        if watch.isDue(step: number, of: plan.totalSteps) {
            statistics = try watch.statistics(of: loss.embeddings, over: pass.workers)
        }
        observer.entered(.update, step: number)
        let learningRate = plan.schedule.rate(at: number - 1)
        try step.update(pass, learningRate: learningRate)
        if step.communicator.rank == 0 {
            if let warning = step.budget?.warning() { observer.noticed(warning) }
            if let warning = statistics.flatMap({ watch.warning($0, step: number) }) { observer.noticed(warning) }
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            observer.completed(
                StepRecord(
                    step: number, loss: agreement.loss, learningRate: learningRate,
                    imagesPerSecond: Double(plan.globalBatch) / seconds, workers: step.communicator.size,
                    time: Date().timeIntervalSince1970, peakMemory: agreement.peakMemory, exchange: times,
                    embeddings: statistics))
        }
        return agreement.yield
    }

    /// What all ranks know after a batch; tells of unreadable images, and ends the run where there are too many.
    private func agree(
        on batch: LoadedBatch, lossShare: Double, _ communicator: Communicator, _ observer: any TrainingObserver
    ) throws -> StepAgreement {
        let bad = badImages.unreported(batch.badSamples)
        let agreement = try StepAgreement.reach(
            lossShare: lossShare, badImages: bad.count, pending: observer.pendingYield, over: communicator)
        if agreement.badImages > 0 {
            for bad in try badImages.share(bad, over: communicator) {
                observer.noticed("cannot read \(bad.name): \(bad.cause); another image takes its place")
            }
            try badImages.check(of: dataset.count, limit: configuration.loader.maxBadShare)
        }
        return agreement
    }

    private func save(
        _ communicator: Communicator, _ observer: any TrainingObserver, cause: CheckpointCadence.Cause
    ) throws {
        guard communicator.rank == 0, let checkpoints else { return }
        try checkpoints.rethrow()
        let cadence = CheckpointCadence(configuration.checkpoint, stepsPerEpoch: plan.stepsPerEpoch)
        guard checkpoints.lastSaved != state.completedSteps,
            cadence.isDue(step: state.completedSteps, cause: cause)
        else { return }
        observer.entered(.save, step: state.completedSteps)
        try checkpoints.save(snapshot())
    }
}

extension Trainer {
    /// The state with what else a checkpoint tells: enough to build the encoder again, and to see who may resume it.
    private func snapshot() throws -> CheckpointContents {
        CheckpointContents(
            step: state.completedSteps, epoch: state.completedSteps / plan.stepsPerEpoch, runID: runID,
            created: Date().timeIntervalSince1970, configuration: configuration.trajectoryText,
            metadata: [CheckpointMetadata.resolvedConfiguration: configuration.resolvedYAML],
            groups: try state.groups())
    }
}

extension RunConfiguration.BatchNorm {
    fileprivate var mode: StepPass.BatchNormMode {
        switch self {
        case .sync: .synchronized
        case .slice: .perSlice
        case .shuffle: .shuffled
        }
    }
}

/// Keys of a checkpoint's metadata.
public enum CheckpointMetadata {
    /// The whole configuration as YAML, every key resolved.
    public static let resolvedConfiguration = "resolved_configuration"
}
