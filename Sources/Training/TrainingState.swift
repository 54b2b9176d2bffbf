import Checkpoints
import Collectives
import Contrastive
import Torch

/// Everything a step changes: parameters, running statistics, optimiser state and the number of steps done.
///
/// The same on every rank between two steps.
public final class TrainingState {
    public let model: SimCLR
    public let optimizer: any Optimizer
    public let gradients: GradientBuckets
    /// Steps done since the beginning of the run.
    public var completedSteps = 0

    /// - Parameters: of the buckets as for `GradientBuckets`.
    public init(
        model: SimCLR, optimizer: any Optimizer, bucketBytes: Int = 4 << 20,
        gradientFormat: GradientFormat = .float64, seed: UInt64 = 0, bucketMemory: BucketAllocator? = nil
    ) throws {
        self.model = model
        self.optimizer = optimizer
        gradients = try GradientBuckets(
            parameters: model.parameters, bucketBytes: bucketBytes, format: gradientFormat, seed: seed,
            memory: bucketMemory)
    }

    /// Takes over `root`'s state, bit for bit.
    public func broadcast(from root: Int, over communicator: Communicator) throws {
        for tensor in model.parameters.map(\.tensor) + model.buffers.map(\.tensor) {
            try communicator.broadcast(tensor, from: root)
        }
        for entry in optimizer.state {
            try communicator.broadcast(entry.tensor, from: root)
        }
        let step = try Tensor([Int64(completedSteps)], shape: [1])
        try communicator.broadcast(step, from: root)
        completedSteps = Int(try step.int64s()[0])
    }
}

/// The state as the named groups of a checkpoint.
extension TrainingState {
    /// Copies the state out, so that training can go on while it is written.
    public func groups() throws -> [String: [TensorRecord]] {
        func records(_ tensors: [NamedTensor]) throws -> [TensorRecord] {
            try tensors.map { try TensorRecord(name: $0.name, $0.tensor) }
        }
        return try [
            CheckpointGroup.backbone: records(model.encoder.state),
            CheckpointGroup.heads: records(model.projector.state),
            CheckpointGroup.state: records(optimizer.state),
        ]
    }

    /// Takes over a checkpoint's state.
    ///
    /// - Throws: `TrainingError.checkpoint` where a group is missing, and `ContrastiveError` naming the first tensor
    ///   that is missing, left over or of another shape.
    public func restore(_ contents: CheckpointContents) throws {
        func tensors(_ group: String) throws -> [NamedTensor] {
            guard let records = contents.groups[group] else {
                throw TrainingError.checkpoint("the checkpoint has no group '\(group)': it is of another kind of run")
            }
            return try records.map { try NamedTensor($0) }
        }
        try model.encoder.load(tensors(CheckpointGroup.backbone))
        try model.projector.load(tensors(CheckpointGroup.heads))
        try optimizer.restore(tensors(CheckpointGroup.state))
        completedSteps = contents.step
    }
}
