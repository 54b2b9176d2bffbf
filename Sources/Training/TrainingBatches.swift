import Configuration
import ImagePipeline

/// A run's batches: which images a step has, and how a rank loads its share of them.
struct TrainingBatches {
    private let dataset: any ImageDataset
    private let configuration: RunConfiguration
    private let plan: TrainingPlan
    /// The global batches.
    private let whole: SampleSchedule

    init(of dataset: any ImageDataset, _ configuration: RunConfiguration, _ plan: TrainingPlan) {
        self.dataset = dataset
        self.configuration = configuration
        self.plan = plan
        whole = SampleSchedule(
            plan: plan, order: SampleOrder(seed: configuration.seed, count: dataset.count),
            share: 0..<plan.globalBatch, last: .max)
    }

    /// The dataset's indices of a step's N images, in sample order.
    func samples(of step: Int) -> [Int] { whole.request(step: step)?.samples.map(Int.init) ?? [] }

    /// Bytes of the batches that a rank loads ahead, `images` of each.
    func bytesAhead(images: Int) -> Int {
        let floats = ModelFactory.augmentations(configuration).reduce(0) {
            $0 + $1.outputSize * $1.outputSize * $1.channels
        }
        return configuration.loader.prefetch * images * floats * MemoryLayout<Float>.stride
    }

    /// Loads the rank's positions `share` of the global batches of the steps `first` to `last`.
    func loader(share: Range<Int>, from first: Int, through last: Int) throws -> BatchLoader {
        let schedule = SampleSchedule(
            plan: plan, order: SampleOrder(seed: configuration.seed, count: dataset.count), share: share, last: last)
        return try BatchLoader(
            dataset: dataset, views: ModelFactory.augmentations(configuration), seed: configuration.seed,
            threads: configuration.loader.threads, prefetch: configuration.loader.prefetch
        ) { index in schedule.request(step: first + index) }
    }
}
