import Collectives
import Contrastive
import Torch

/// Memory for a bucket, and what keeps it.
public struct BucketMemory {
    public let start: UnsafeMutableRawPointer
    public let owner: AnyObject

    public init(start: UnsafeMutableRawPointer, owner: AnyObject) {
        self.start = start
        self.owner = owner
    }
}

/// Gives zeroed memory of a number of bytes, aligned to 64.
public typealias BucketAllocator = (Int) throws -> BucketMemory

/// The gradients of some parameters, side by side in memory.
struct GradientBucket {
    /// float64, over this rank's slices; where they travel themselves, over all ranks afterwards, and perhaps rounded already.
    let sums: Tensor
    /// The same gradients in the parameters' type; each parameter's `gradient` is a view into it.
    let gradients: Tensor
    /// Sums `gradients` over the ranks; nil where the sums themselves travel.
    let compressor: (any GradientCompressor)?
    let parameterCount: Int
    /// Parameters that have not got all their gradients of this step.
    var missing: Int

    /// - Parameters:
    ///   - seed: of what a compressor draws; the same on all ranks.
    ///   - allocate: gives the memory of what travels; nil takes the process' own.
    init(of group: [Parameter], _ format: GradientFormat, seed: UInt64, _ allocate: BucketAllocator?) throws {
        let count = group.reduce(0) { $0 + $1.tensor.count }
        let type = group[0].tensor.scalarType
        switch format {
        case .float64:
            sums = try Self.zeros(count, .float64, allocate)
            gradients = try Tensor.zeros([count], type)
            compressor = nil
        case .compressed(let compression):
            guard type == .float32 else {
                throw TrainingError.unsupported("gradients of \(type) travel as float64 only, not as \(format)")
            }
            sums = try Tensor.zeros([count], .float64)
            gradients = try Self.zeros(count, type, allocate)
            compressor = compression.makeCompressor(layout: Self.layout(of: group, count: count), seed: seed)
        }
        parameterCount = group.count
        missing = group.count
    }

    private static func zeros(_ count: Int, _ type: ScalarType, _ allocate: BucketAllocator?) throws -> Tensor {
        guard let allocate else { return try Tensor.zeros([count], type) }
        let memory = try allocate(count * type.byteCount)
        return try Tensor.view(memory: memory.start, shape: [count], type: type, keepAlive: memory.owner)
    }

    /// A weight [out, …] is a matrix of `out` rows, whatever the order of the other dimensions in memory.
    private static func layout(of group: [Parameter], count: Int) -> GradientLayout {
        var matrices: [GradientLayout.Matrix] = []
        var offset = 0
        for tensor in group.map(\.tensor) {
            if tensor.dimensions > 1, tensor.count > 0, tensor.strides[0] == tensor.count / tensor.shape[0] {
                matrices.append(.init(rows: tensor.shape[0], columns: tensor.strides[0], offset: offset))
            }
            offset += tensor.count
        }
        return GradientLayout(count: count, matrices: matrices)
    }

    /// Sets the gradients to the sums, rounded once.
    func round() throws { try gradients.copyInPlace(from: sums) }

    /// What leaves. Its memory stays where it is for as long as the tensors live, which is longer than any exchange.
    func departing() throws -> DepartingBucket {
        guard let compressor else {
            return .exact(
                try sums.withUnsafeMutableBytes { $0.bindMemory(to: Double.self) },
                asFloat32: gradients.scalarType == .float32)
        }
        try round()
        return .compressed(try gradients.withUnsafeMutableBytes { $0.bindMemory(to: Float.self) }, compressor)
    }
}
