import Foundation
import ImagePipeline
import SharedMemoryTransport
import Torch
import Training

/// A few small steps of a run, timed and weighed, for its forecast.
final class ProbeRun: Job {
    private let job: JobSpecification.ProbeJob
    private let arena: SharedArena?
    private var dataset: (any ImageDataset)?

    init(_ job: JobSpecification.ProbeJob, arena: SharedArena?) {
        self.job = job
        self.arena = arena
    }

    func prepare() throws -> Bool {
        try TrainingRun.prepareProcess(job.configuration)
        dataset = try ImageDatasets.open(job.configuration.data, split: .train)
        return true
    }

    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome {
        guard let dataset else {
            preconditionFailure("a job is prepared before it runs")
        }
        observer.entered(.forward, step: 1)
        let probe = StepProbe(
            job.configuration, dataset: dataset, over: generation.communicator,
            bucketMemory: arena.map(TrainingRun.bucketMemory))
        return .finished(result: Array(try JSONEncoder().encode(probe.measure(slices: job.slices))))
    }
}
