import Collectives
import Contrastive
import Torch

/// The workers of a step over a communicator.
public final class CommunicatingWorkers: Workers {
    public let rows: [Int]
    private let communicator: Communicator
    /// Passed on, and perhaps still read by the link.
    private var travelling: [Tensor] = []

    /// - Parameter rows: images of each rank, in rank order.
    public init(rows: [Int], over communicator: Communicator) {
        precondition(rows.count == communicator.size, "\(rows.count) shares for \(communicator.size) ranks")
        self.rows = rows
        self.communicator = communicator
    }

    public var rank: Int { communicator.rank }

    public func gather(_ own: Tensor) throws -> Tensor { try communicator.gatherRows(own, rows: rows) }

    public func sum(_ tensor: Tensor) throws -> Tensor {
        guard communicator.size > 1 else { return try tensor.detached() }
        let sum = try tensor.detached().contiguous().cloned()
        try communicator.allReduceSum(sum)
        return sum
    }

    public func sumWithGradient(_ tensor: Tensor) throws -> Tensor {
        guard communicator.size > 1 else { return tensor }
        let (shape, type) = (tensor.shape, tensor.scalarType)
        return try customFunction(
            "sumOverWorkers", inputs: [tensor], forward: { [try self.sum(tensor)] },
            backward: { gradients in
                // A worker whose share did not touch the sum still has to take part.
                [try self.sum(gradients[0] ?? Tensor.zeros(shape, type))]
            })[0]
    }

    public func maximum(_ tensor: Tensor) throws -> Tensor {
        guard communicator.size > 1 else { return try tensor.detached() }
        let maximum = try tensor.detached().contiguous().cloned()
        try communicator.allReduceMaximum(maximum)
        return maximum
    }

    public func passOn(_ tensor: Tensor) throws {
        let whole = try tensor.detached().contiguous()
        travelling.append(whole)
        try whole.withUnsafeMutableBytes { try communicator.sendToNext(UnsafeRawBufferPointer($0)) }
    }

    public func receive(_ shape: [Int], _ type: ScalarType) throws -> Tensor {
        guard communicator.size > 1 else { return travelling.removeFirst() }
        let received = try Tensor.empty(shape, type)
        try received.withUnsafeMutableBytes { try communicator.receiveFromPrevious($0) }
        return received
    }

    public func settle() throws {
        try communicator.finishShift()
        travelling.removeAll()
    }
}
