import Collectives
import Training

/// The ring a job runs in, from one regrouping to the next.
struct JobGeneration {
    let communicator: Communicator
    /// The rank whose state everyone takes over; nil where the run begins or is resumed from a checkpoint.
    let stateSource: Int?
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
    func makeJob(runID: UInt64) throws -> any Job {
        switch self {
        case .train(let job): return TrainingRun(job, runID: runID)
        case .loss(let job): return LossRun(job)
        case .allReduceBench(let job): return AllReduceBenchRun(job)
        }
    }
}
