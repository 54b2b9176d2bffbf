import Checkpoints
import Collectives
import Contrastive
import Torch

/// Everything a step changes: parameters, running statistics, optimiser state, what the method remembers, and the number
/// of steps done.
///
/// The same on every rank between two steps.
public final class TrainingState {
    public let method: any Method
    public let optimizer: any Optimizer
    public let gradients: GradientBuckets
    /// Steps done since the beginning of the run.
    public var completedSteps = 0

    /// - Parameters: of the buckets as for `GradientBuckets`.
    public init(
        method: any Method, optimizer: any Optimizer, bucketBytes: Int = 4 << 20,
        gradientFormat: GradientFormat = .float64, seed: UInt64 = 0, bucketMemory: BucketAllocator? = nil
    ) throws {
        self.method = method
        self.optimizer = optimizer
        gradients = try GradientBuckets(
            parameters: method.network.parameters, bucketBytes: bucketBytes, format: gradientFormat, seed: seed,
            memory: bucketMemory)
    }

    /// Takes over `root`'s state, bit for bit.
    public func broadcast(from root: Int, over communicator: Communicator) throws {
        let entries = method.network.state + (method.target?.network.state ?? []) + method.memory + optimizer.state
        for entry in entries { try communicator.broadcast(entry.tensor, from: root) }
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
        var groups = try [
            CheckpointGroup.backbone: records(method.network.encoder.state),
            CheckpointGroup.heads: records(method.network.headState),
            CheckpointGroup.state: records(optimizer.state),
        ]
        if let target = method.target { groups[CheckpointGroup.target] = try records(target.network.state) }
        if !method.memory.isEmpty { groups[CheckpointGroup.memory] = try records(method.memory) }
        return groups
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
        try method.network.encoder.load(tensors(CheckpointGroup.backbone))
        try method.network.loadHeads(tensors(CheckpointGroup.heads))
        try optimizer.restore(tensors(CheckpointGroup.state))
        if let target = method.target { try target.network.load(tensors(CheckpointGroup.target)) }
        if !method.memory.isEmpty { try method.loadMemory(tensors(CheckpointGroup.memory)) }
        completedSteps = contents.step
    }
}
