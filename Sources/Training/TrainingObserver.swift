import Contrastive

/// Where a rank is within a step, for the messages that say where something went wrong.
public enum TrainingPhase: UInt8, Sendable, CaseIterable {
    case idle, restore, load, forward, loss, backward, reduce, update, save

    /// The word used in messages.
    public var name: String { "\(self)" }
}

/// Why a generation should end at the next step boundary.
public enum YieldReason: Sendable, Equatable {
    /// Somebody joins or leaves: another generation follows.
    case regroup
    /// The run is to stop: save, then end.
    case stop
}

/// What the training loop tells the process it runs in, and asks of it.
public protocol TrainingObserver: AnyObject {
    /// This rank enters `phase` of `step` (from 1).
    func entered(_ phase: TrainingPhase, step: Int)
    /// A step is complete; called on rank 0 only.
    func completed(_ record: StepRecord)
    /// Something the user should read, such as an image that cannot be decoded.
    func noticed(_ text: String)
    /// Set while somebody wants the generation to end; asked once a step on every rank.
    var pendingYield: YieldReason? { get }
}

/// One line of `log.jsonl`.
public struct StepRecord: Codable, Equatable, Sendable {
    /// From 1.
    public let step: Int
    /// The loss over the global batch, before the step's update.
    public let loss: Double
    /// The learning rate of the step's update.
    public let learningRate: Double
    /// Images (not views) of the global batch per second of the whole step.
    public let imagesPerSecond: Double
    /// Ranks in the ring.
    public let workers: Int
    /// Unix seconds at the end of the step.
    public let time: Double
    /// The most MiB that the largest rank has held so far; nil in logs of before 0.2.
    public let memory: Int?
    /// Seconds that rank 0 spent in the all-reduces of gradients, waiting for slower ranks included; nil with one rank.
    public let communicationSeconds: Double?
    /// The share of that which rank 0's training thread did not have to wait for, in 0…1; nil with one rank.
    public let hiddenShare: Double?
    /// What the collapse watch saw in steps that it looked at.
    public let effectiveRank, deviation, alignment, uniformity: Double?

    enum CodingKeys: String, CodingKey {
        case step, loss
        case learningRate = "lr"
        case imagesPerSecond = "images_per_second"
        case workers, time
        case memory = "memory_mib"
        case communicationSeconds = "communication_seconds"
        case hiddenShare = "hidden_share"
        case effectiveRank = "effective_rank"
        case deviation, alignment, uniformity
    }

    public init(
        step: Int, loss: Double, learningRate: Double, imagesPerSecond: Double, workers: Int, time: Double,
        peakMemory: Int? = nil, exchange: ExchangeTimes? = nil, embeddings: EmbeddingStatistics? = nil
    ) {
        self.step = step
        self.loss = loss
        self.learningRate = learningRate
        self.imagesPerSecond = imagesPerSecond
        self.workers = workers
        self.time = time
        memory = peakMemory.map { $0 >> 20 }
        communicationSeconds = exchange?.communication
        hiddenShare = exchange?.hiddenShare
        effectiveRank = embeddings?.effectiveRank
        deviation = embeddings?.deviation
        alignment = embeddings?.alignment
        uniformity = embeddings?.uniformity
    }
}

/// How a generation ended for this rank.
public enum GenerationOutcome: Sendable {
    /// The job is complete; rank 0's payload is the result.
    case finished(result: [UInt8])
    /// Everyone agreed to stop before `nextStep`.
    case yielded(nextStep: Int, reason: YieldReason)
}
