import Checkpoints
import Collectives
import Configuration
import ImagePipeline
import SharedMemoryTransport
import Torch
import Training

/// Training as a worker's job.
final class TrainingRun: Job {
    private let job: JobSpecification.TrainJob
    private let runID: UInt64
    private let arena: SharedArena?
    private var trainer: Trainer?

    init(_ job: JobSpecification.TrainJob, runID: UInt64, arena: SharedArena?) {
        self.job = job
        self.runID = runID
        self.arena = arena
    }

    func prepare() throws -> Bool {
        try Self.prepareProcess(job.configuration)
        let dataset = try ImageDatasets.open(job.configuration.data, split: .train)
        let directory = RunDirectory(path: job.runDirectory)
        let sees = directory.isSeen(runID: runID)
        let writer =
            sees
            ? CheckpointWriter(store: directory.checkpoints, keep: job.configuration.checkpoint.keep) : nil
        trainer = try Trainer(
            configuration: job.configuration, runID: "\(runID)", dataset: dataset, checkpoints: writer,
            bucketMemory: arena.map(Self.bucketMemory))
        return sees
    }

    /// What a process does before it trains.
    static func prepareProcess(_ configuration: RunConfiguration) throws {
        // Activations of the same sizes come and go every step; fresh pages for them cost more than their arithmetic.
        TorchRuntime.keepFreedMemory()
        TensorMemory.count()
        try TorchRuntime.setThreads(configuration.threads)
    }

    /// Gradient buckets in memory that the host's ranks share.
    static func bucketMemory(_ arena: SharedArena) -> BucketAllocator {
        { bytes in
            let block = try arena.allocate(bytes: bytes)
            return BucketMemory(start: block.memory.baseAddress!, owner: block)
        }
    }

    private func overlaps(_ communicator: Communicator) -> Bool {
        guard communicator.size > 1 else { return false }
        return switch job.configuration.collectives.overlap {
        case .auto: !communicator.topology.isOneHost
        case .always: true
        case .never: false
        }
    }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        guard let trainer else {
            preconditionFailure("a job is prepared before it runs")
        }
        // Everyone begins from the same seed, so that only a checkpoint has to be read, by the rank that sees it.
        if generation.stateSource == nil, generation.communicator.rank == 0, let path = job.resumeFrom {
            try trainer.state.restore(CheckpointStore.load(CheckpointStore.open(path).location))
        }
        let source = generation.stateSource ?? 0
        guard overlaps(generation.communicator) else {
            return try trainer.run(source: source, over: generation.communicator, observer: observer)
        }
        observer.entered(.restore, step: trainer.state.completedSteps + 1)
        return try generation.gradientLane.run(beside: generation.communicator) { exchange in
            try trainer.run(
                source: source, over: generation.communicator, exchange: exchange, observer: observer)
        }
    }
}
