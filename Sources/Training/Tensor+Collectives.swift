import Collectives
import Torch

/// Collectives on tensors. All block until this rank's part is done, and throw what the link throws.
extension Communicator {
    /// Sums a float32 or float64 tensor over all ranks, in place.
    ///
    /// - Parameter work: done while this rank would wait for others; what is left then is the caller's.
    public func allReduceSum(_ tensor: Tensor, meanwhile work: (any SpareWork)? = nil) throws {
        try allReduce(tensor, .sum, meanwhile: work)
    }

    /// Takes the largest of each element over all ranks, in place; float32 or float64.
    public func allReduceMaximum(_ tensor: Tensor) throws { try allReduce(tensor, .max) }

    private func allReduce(
        _ tensor: Tensor, _ operation: ReductionOperation, meanwhile work: (any SpareWork)? = nil
    ) throws {
        guard size > 1 else { return }
        try tensor.withUnsafeMutableBytes { raw in
            switch tensor.scalarType {
            case .float32: try allReduce(raw.bindMemory(to: Float.self), operation, meanwhile: work)
            case .float64: try allReduce(raw.bindMemory(to: Double.self), operation, meanwhile: work)
            default: throw TrainingError.unsupported("all-reduce of \(tensor.scalarType)")
            }
        }
    }

    /// Overwrites `tensor` with root's, bit for bit, whatever its type.
    public func broadcast(_ tensor: Tensor, from root: Int) throws {
        guard size > 1 else { return }
        try tensor.withUnsafeMutableBytes { try broadcast($0, root: root) }
    }

    /// Concatenates every rank's rows in rank order: `[own rows, D]` to `[sum of rows, D]`, without gradient.
    ///
    /// - Parameter rows: the number of rows of each rank; zero is allowed.
    public func gatherRows(_ own: Tensor, rows: [Int]) throws -> Tensor {
        let source = try own.detached().contiguous()
        guard size > 1 else { return source }
        let width = own.shape.dropFirst().reduce(1, *)
        let all = try Tensor.empty([rows.reduce(0, +)] + own.shape.dropFirst(), own.scalarType)
        let counts = rows.map { $0 * width }
        try source.withUnsafeMutableBytes { from in
            try all.withUnsafeMutableBytes { into in
                switch own.scalarType {
                case .float32:
                    try allGather(
                        UnsafeBufferPointer(from.bindMemory(to: Float.self)), counts: counts,
                        into: into.bindMemory(to: Float.self))
                case .float64:
                    try allGather(
                        UnsafeBufferPointer(from.bindMemory(to: Double.self)), counts: counts,
                        into: into.bindMemory(to: Double.self))
                default: throw TrainingError.unsupported("gather of \(own.scalarType)")
                }
            }
        }
        return all
    }

    /// `gatherRows` with the gradient of a loss that **every** rank computes whole from all rows: each keeps its own rows
    /// of it, which are the same bits everywhere, and nothing is summed.
    ///
    /// - Parameter own: `[rows[rank], D]`. Returns `[sum of rows, D]`.
    public func gatherRowsReplicated(_ own: Tensor, rows: [Int]) throws -> Tensor {
        try customFunction(
            "gatherRowsReplicated", inputs: [own],
            forward: { [try self.gatherRows(own, rows: rows)] },
            backward: { gradients in
                try gradients.map {
                    try $0?.narrowed(dim: 0, start: rows[..<self.rank].reduce(0, +), length: rows[self.rank])
                }
            })[0]
    }
}
