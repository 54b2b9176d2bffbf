import Collectives
import SharedMemoryTransport
import Training

/// The ring a job runs in, from one regrouping to the next.
struct JobGeneration {
    let communicator: Communicator
    /// The rank whose state everyone takes over; nil where the run begins or is resumed from a checkpoint.
    let stateSource: Int?
    /// Memory that this host's ranks share; nil where none is to be shared.
    let arena: SharedArena?
    /// Where gradients can be summed while the training thread computes.
    let gradientLane: GradientLane
}

/// What a worker does between joining and leaving: one implementation for each case of `JobSpecification`.
///
/// A job lives as long as its worker and keeps its state from one generation to the next. Only the training thread
/// touches it.
protocol Job: AnyObject {
    /// Opens what the job needs, before the first generation.
    ///
    /// - Returns: whether this process sees the run's directory, which rank 0 must.
    func prepare() throws -> Bool

    /// Runs until the job is finished or the ranks have agreed to end the generation.
    func run(_ generation: JobGeneration, observer: any TrainingObserver) throws -> GenerationOutcome
}

extension JobSpecification {
    /// - Parameter arena: this worker's memory for what its host's ranks share; nil where none is to be shared.
    func makeJob(runID: UInt64, arena: SharedArena?) throws -> any Job {
        switch work {
        case .train(let job): return TrainingRun(job, runID: runID, arena: arena)
        case .probe(let job): return ProbeRun(job, arena: arena)
        case .loss(let job): return LossRun(job)
        case .lossBench(let job): return LossBenchRun(job)
        case .collectiveBench(let job): return CollectiveBenchRun(job)
        }
    }
}
