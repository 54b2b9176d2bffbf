import Checkpoints
import Torch

/// The groups of tensors a checkpoint is made of; each becomes a file of that name.
public enum CheckpointGroup {
    /// The encoder, under torchvision's names.
    public static let backbone = "backbone"
    /// Projector and whatever else is trained beside the encoder.
    public static let heads = "heads"
    /// Optimiser state.
    public static let state = "state"
}

extension TensorRecord {
    /// A copy of `tensor` in row-major order.
    public init(name: String, _ tensor: Tensor) throws {
        try self.init(name: name, dtype: Self.type(of: tensor.scalarType), shape: tensor.shape, bytes: tensor.copyBytes())
    }

    /// The record as a tensor of its own memory.
    public func tensor() throws -> Tensor {
        try bytes.withUnsafeBytes { try Tensor.copying(bytes: $0, shape: shape, type: scalarType) }
    }

    /// The record's element type in libtorch's terms.
    public var scalarType: ScalarType {
        switch dtype {
        case .f32: return .float32
        case .f64: return .float64
        case .f16: return .float16
        case .bf16: return .bfloat16
        case .i64: return .int64
        case .i32: return .int32
        case .u8: return .uint8
        case .bool: return .bool
        }
    }

    private static func type(of scalarType: ScalarType) -> TensorType {
        switch scalarType {
        case .float32: return .f32
        case .float64: return .f64
        case .float16: return .f16
        case .bfloat16: return .bf16
        case .int64: return .i64
        case .int32: return .i32
        case .uint8: return .u8
        case .bool: return .bool
        }
    }
}
