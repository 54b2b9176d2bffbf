import Configuration
import Contrastive

/// The numbers of a run that follow from its configuration and the size of its dataset, never from the workers.
public struct TrainingPlan: Equatable, Sendable {
    /// Images in a global batch.
    public let globalBatch: Int
    /// Images in a slice, the smallest piece of work.
    public let sliceSize: Int
    /// Whole global batches in the dataset; what is left over of an epoch's order is not used in that epoch.
    public let stepsPerEpoch: Int
    /// Steps of the whole run.
    public let totalSteps: Int
    /// The learning rate of each step.
    public let schedule: LearningRateSchedule

    /// - Throws: `TrainingError` when the batch is larger than the dataset or the warm-up longer than the run.
    public init(_ configuration: RunConfiguration, datasetCount: Int) throws {
        globalBatch = configuration.globalBatch
        sliceSize = configuration.sliceSize
        guard globalBatch <= datasetCount else {
            throw TrainingError.batchLargerThanDataset(batch: globalBatch, dataset: datasetCount)
        }
        stepsPerEpoch = datasetCount / globalBatch
        if let steps = configuration.steps {
            totalSteps = steps
        } else {
            totalSteps = (configuration.epochs ?? 1) * stepsPerEpoch
        }
        let warmup =
            configuration.schedule.warmupSteps
            ?? configuration.schedule.warmupImages.map(configuration.warmupSteps(ofImages:))
            ?? Int(((configuration.schedule.warmupEpochs ?? 0) * Double(stepsPerEpoch)).rounded())
        guard warmup < totalSteps || warmup == 0 else {
            throw TrainingError.configuration(
                "the warm-up of \(warmup) steps is not shorter than the run of \(totalSteps): "
                    + "lower schedule.warmup_epochs, schedule.warmup_steps or schedule.warmup_images")
        }
        schedule = try LearningRateSchedule(
            base: configuration.peakLearningRate, warmupSteps: warmup, totalSteps: totalSteps,
            decay: Self.decay(configuration, stepsPerEpoch: stepsPerEpoch))
    }

    private static func decay(
        _ configuration: RunConfiguration, stepsPerEpoch: Int
    ) -> LearningRateSchedule.Decay {
        let settings = configuration.schedule
        switch settings.name {
        case .cosine: return .cosine(final: configuration.finalLearningRate)
        case .constant: return .constant
        case .steps:
            return .steps(
                milestones: settings.milestones.map { Int(($0 * Double(stepsPerEpoch)).rounded()) },
                factor: settings.factor)
        }
    }

    /// Slices of a global batch: the most workers that can share it.
    public var sliceCount: Int { (globalBatch + sliceSize - 1) / sliceSize }

    /// The epoch (from 0) of a step (from 1).
    public func epoch(ofStep step: Int) -> Int { (step - 1) / stepsPerEpoch }

    /// The positions of a step's global batch within its epoch's sample order.
    public func positions(ofStep step: Int) -> Range<Int> {
        let start = (step - 1) % stepsPerEpoch * globalBatch
        return start..<start + globalBatch
    }
}
