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

    public init(model: SimCLR, optimizer: any Optimizer) throws {
        self.model = model
        self.optimizer = optimizer
        gradients = try GradientBuckets(parameters: model.parameters)
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
    public func snapshot(metadata: [String: String]) throws -> CheckpointContents {
        try CheckpointContents(
            step: completedSteps,
            groups: [
                CheckpointGroup.backbone: Self.records(model.encoder.parameters, model.encoder.buffers),
                CheckpointGroup.heads: Self.records(model.projector.parameters, model.projector.buffers),
                CheckpointGroup.state: optimizer.state.map { try TensorRecord(name: $0.name, $0.tensor) },
            ],
            metadata: metadata)
    }

    /// Takes over a checkpoint's state.
    ///
    /// - Throws: `TrainingError.checkpoint` naming the first tensor that is missing, left over or of another shape.
    public func restore(_ contents: CheckpointContents) throws {
        try Self.load(contents, CheckpointGroup.backbone, into: Self.named(model.encoder.parameters, model.encoder.buffers))
        try Self.load(contents, CheckpointGroup.heads, into: Self.named(model.projector.parameters, model.projector.buffers))
        try Self.load(contents, CheckpointGroup.state, into: optimizer.state)
        completedSteps = contents.step
    }

    private static func named(_ parameters: [Parameter], _ buffers: [NamedTensor]) -> [NamedTensor] {
        parameters.map { NamedTensor(name: $0.name, tensor: $0.tensor) } + buffers
    }

    private static func records(_ parameters: [Parameter], _ buffers: [NamedTensor]) throws -> [TensorRecord] {
        try named(parameters, buffers).map { try TensorRecord(name: $0.name, $0.tensor) }
    }

    /// Fills `targets` from a group that must hold exactly these names and shapes.
    static func load(_ contents: CheckpointContents, _ group: String, into targets: [NamedTensor]) throws {
        guard let records = contents.groups[group] else {
            throw TrainingError.checkpoint("the checkpoint has no group '\(group)': it is of another kind of run")
        }
        var byName = Dictionary(records.map { ($0.name, $0) }) { first, _ in first }
        for target in targets {
            guard let record = byName.removeValue(forKey: target.name) else {
                throw TrainingError.checkpoint("the checkpoint's \(group) has no tensor '\(target.name)'")
            }
            guard record.shape == target.tensor.shape else {
                throw TrainingError.checkpoint(
                    "the checkpoint's \(group) has '\(target.name)' as \(record.shape), the model as \(target.tensor.shape)")
            }
            try withoutGradient { try target.tensor.copyInPlace(from: record.tensor()) }
        }
        if let left = byName.keys.sorted().first {
            throw TrainingError.checkpoint("the checkpoint's \(group) has '\(left)', which the model does not")
        }
    }
}
