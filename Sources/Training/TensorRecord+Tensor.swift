import Checkpoints
import Contrastive
import Torch

/// The groups of tensors a checkpoint is made of; each becomes a file of that name.
public enum CheckpointGroup {
    /// The encoder, under torchvision's names.
    public static let backbone = "backbone"
    /// Projector and whatever else is trained beside the encoder, each under its own name.
    public static let heads = "heads"
    /// Optimiser state.
    public static let state = "state"
    /// The moving average of encoder and heads, of methods that have one.
    public static let target = "target"
    /// Queues and banks, of methods that have any.
    public static let memory = "memory"
}

extension TensorRecord {
    /// A copy of `tensor` in row-major order.
    public init(name: String, _ tensor: Tensor) throws {
        self.init(
            name: name, type: ElementType(tensor.scalarType), shape: tensor.shape, bytes: try tensor.copyBytes())
    }

    /// The record as a tensor of its own memory.
    public func tensor() throws -> Tensor {
        try bytes.withUnsafeBytes { try Tensor.copying(bytes: $0, shape: shape, type: ScalarType(type)) }
    }
}

extension NamedTensor {
    init(_ record: TensorRecord) throws {
        self.init(name: record.name, tensor: try record.tensor())
    }
}

extension ElementType {
    public init(_ type: ScalarType) {
        switch type {
        case .float32: self = .float32
        case .float64: self = .float64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .int64: self = .int64
        case .int32: self = .int32
        case .uint8: self = .uint8
        case .bool: self = .bool
        }
    }
}

extension ScalarType {
    public init(_ type: ElementType) {
        switch type {
        case .float32: self = .float32
        case .float64: self = .float64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .int64: self = .int64
        case .int32: self = .int32
        case .uint8: self = .uint8
        case .bool: self = .bool
        }
    }
}
