import Collectives
import Configuration
import Contrastive
import ImagePipeline
import Torch

/// Takes a few small steps of a run, to see what its parts take on this machine.
///
/// The steps have one slice and two or four for each rank, on real images and with the run's own networks, loss and
/// sums; only the number of slices is less than the run's. One thread owns it.
public struct StepProbe {
    private let configuration: RunConfiguration
    private let dataset: any ImageDataset
    private let communicator: Communicator
    private let bucketMemory: BucketAllocator?

    /// Timed steps of each size, where they are quick.
    private static let repetitions = 6
    /// Batches that it has in memory: all of them.
    static var batches: Int { repetitions + 1 }
    /// Below this many seconds a step of one slice is quick.
    private static let quickSeconds = 1.0
    /// Seconds after which a size has been timed enough.
    private static let patience = 6.0

    /// - Parameters:
    ///   - configuration: resolved for the dataset.
    ///   - bucketMemory: gives the memory of gradient buckets; nil takes the process' own.
    public init(
        _ configuration: RunConfiguration, dataset: any ImageDataset, over communicator: Communicator,
        bucketMemory: BucketAllocator? = nil
    ) {
        self.configuration = configuration
        self.dataset = dataset
        self.communicator = communicator
        self.bucketMemory = bucketMemory
    }

    /// - Parameter slices: of the rank of the run that has most; at least 1.
    /// - Returns: on every rank, the numbers of the rank that took most.
    public func measure(slices: Int) throws -> ProbeMeasurement {
        let processBytes = SystemMemory.resident
        let loadSeconds = try self.loadSeconds()
        let pairSeconds = try PairLossProbe(configuration).seconds()
        var measurement = ProbeMeasurement(
            ranks: communicator.size, steps: [], loadSeconds: loadSeconds, pairSeconds: pairSeconds,
            processBytes: processBytes, modelBytes: 0, viewBytes: viewBytes, gradientBytes: 0)
        let most = min(slices, dataset.count / (configuration.sliceSize * communicator.size))
        if most >= 1 { measurement.steps.append(try step(slices: 1, &measurement)) }
        if most >= 2 {
            // What is said of a run's many slices depends the less on chance the farther the two sizes are apart.
            let count = try isQuick(measurement.steps[0]) ? 4 : 2
            measurement.steps.append(try step(slices: min(most, count), &measurement))
        }
        return try largest(of: measurement)
    }

    /// Whether a step is over soon on every rank; the same on all.
    private func isQuick(_ step: ProbeMeasurement.Step) throws -> Bool {
        var seconds = [step.seconds]
        try seconds.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .max) }
        return seconds[0] < Self.quickSeconds
    }

    private var viewBytes: Int {
        ModelFactory.augmentations(configuration).reduce(0) {
            $0 + $1.outputSize * $1.outputSize * $1.channels * MemoryLayout<Float>.stride
        }
    }

    /// Takes steps of one size and notes what they tell of the model.
    private func step(slices: Int, _ measurement: inout ProbeMeasurement) throws -> ProbeMeasurement.Step {
        var small = configuration
        small.globalBatch = slices * configuration.sliceSize * communicator.size
        small.memoryBudget = nil
        small.epochs = nil
        small.steps = Self.batches
        small.schedule = RunConfiguration.Schedule()
        // All batches are loaded within the first step, which is not timed: loading is timed by itself.
        small.loader.prefetch = Self.batches
        small.loader.threads = 1
        let before = TensorMemory.bytes
        let trainer = try Trainer(
            configuration: small, runID: "probe", dataset: FirstImages(of: dataset, count: small.globalBatch),
            checkpoints: nil, bucketMemory: bucketMemory)
        let clock = PhaseClock(patience: Self.patience)
        let atRest = TensorMemory.bytes
        measurement.gradientBytes = gradientBytes(trainer)
        let shared = bucketMemory == nil ? 0 : measurement.gradientBytes
        measurement.modelBytes = atRest - before + shared + bankBytes(trainer)
        SystemMemory.resetPeak()
        TensorMemory.resetPeak()
        _ = try trainer.run(source: 0, over: communicator, observer: clock)
        var step = clock.typical
        step.slices = slices
        step.tensorBytes = TensorMemory.peakBytes - atRest
        step.residentBytes = SystemMemory.peakResident
        return step
    }

    /// What banks have for images that the probe leaves out.
    private func bankBytes(_ trainer: Trainer) -> Int {
        let all = (try? ModelFactory.method(configuration, images: dataset.count).memory) ?? []
        let own = trainer.state.method.memory
        func bytes(_ tensors: [NamedTensor]) -> Int {
            tensors.reduce(0) { $0 + $1.tensor.count * $1.tensor.scalarType.byteCount }
        }
        return max(0, bytes(all) - bytes(own))
    }

    private func gradientBytes(_ trainer: Trainer) -> Int {
        let count = trainer.state.method.network.parameters.reduce(0) { $0 + $1.tensor.count }
        return count * (configuration.collectives.gradients == .float64 ? 8 : 4)
    }

    /// Seconds for an image with all its views, on one thread.
    private func loadSeconds() throws -> Double {
        let count = min(dataset.count, 128)
        let loader = try BatchLoader(
            dataset: dataset, views: ModelFactory.augmentations(configuration), seed: configuration.seed, threads: 1,
            prefetch: 1
        ) { index in
            index < 2 ? BatchRequest(epoch: 0, samples: (0..<Int32(count)).map { $0 }) : nil
        }
        defer { loader.cancel() }
        _ = try loader.next()
        let start = ContinuousClock().now
        _ = try loader.next()
        return (ContinuousClock().now - start).seconds / Double(count)
    }

    /// Of each number the largest over the ranks.
    private func largest(of measurement: ProbeMeasurement) throws -> ProbeMeasurement {
        var result = measurement
        var numbers = [measurement.loadSeconds, measurement.pairSeconds, Double(measurement.processBytes)]
        for step in measurement.steps {
            numbers += [
                step.forward, step.loss, step.backward, step.reduce, step.update, Double(step.tensorBytes),
                Double(step.residentBytes),
            ]
        }
        try numbers.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .max) }
        (result.loadSeconds, result.pairSeconds, result.processBytes) = (numbers[0], numbers[1], Int(numbers[2]))
        for index in measurement.steps.indices {
            let own = Array(numbers[(3 + 7 * index)...])
            result.steps[index] = ProbeMeasurement.Step(
                slices: measurement.steps[index].slices, forward: own[0], loss: own[1], backward: own[2],
                reduce: own[3],
                update: own[4], tensorBytes: Int(own[5]), residentBytes: Int(own[6]))
        }
        return result
    }
}
