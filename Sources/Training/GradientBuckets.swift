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

/// The gradients of all parameters: summed exactly over slices and ranks, then rounded once to the parameters' type.
///
/// Sums are float64 and every addend is a multiple of `quantum`, so that they are exact (below 512) and do not depend on
/// which rank added which slice in which order. They lie in flat buckets, so that one collective moves many of them;
/// buckets are filled in reverse order of the parameters, the order in which backward finishes them.
public final class GradientBuckets: GradientAccumulator {
    /// 2⁻⁴⁴: float64 adds multiples of it exactly up to 2⁹, and 6·10⁻¹⁴ is far below what float32 resolves of any
    /// gradient that matters.
    static let quantum = 0x1p-44

    private struct Bucket {
        let sums: Tensor
        /// The same gradients in the parameters' type; each parameter's `gradient` is a view into it.
        let gradients: Tensor
    }

    private let buckets: [Bucket]
    /// Each parameter's part of a bucket's sums, by the parameter's identity.
    private var sums: [ObjectIdentifier: Tensor] = [:]

    /// - Parameter bucketBytes: a new bucket begins when the next sum would not fit; a larger one gets a bucket of its
    ///   own.
    /// - Parameter memory: gives the memory of the sums, which the ranks of a host may share; nil takes the process' own.
    public init(parameters: [Parameter], bucketBytes: Int = 16 << 20, memory: BucketAllocator? = nil) throws {
        var groups: [[Parameter]] = []
        var room = 0
        for parameter in parameters.reversed() {
            let bytes = parameter.tensor.count * ScalarType.float64.byteCount
            if groups.isEmpty || bytes > room {
                groups.append([])
                room = max(bucketBytes, bytes)
            }
            groups[groups.count - 1].append(parameter)
            room -= bytes
        }
        var sums: [ObjectIdentifier: Tensor] = [:]
        buckets = try groups.map { group in
            let count = group.reduce(0) { $0 + $1.tensor.count }
            let bucket = Bucket(
                sums: try Self.sums(count, memory),
                gradients: try Tensor.zeros([count], group[0].tensor.scalarType))
            var offset = 0
            for parameter in group {
                let tensor = parameter.tensor
                sums[ObjectIdentifier(tensor)] = try bucket.sums.asStrided(
                    tensor.shape, strides: tensor.strides, offset: offset)
                try tensor.setGradient(
                    bucket.gradients.asStrided(tensor.shape, strides: tensor.strides, offset: offset))
                offset += tensor.count
            }
            return bucket
        }
        self.sums = sums
    }

    private static func sums(_ count: Int, _ allocate: BucketAllocator?) throws -> Tensor {
        guard let allocate else { return try Tensor.zeros([count], .float64) }
        let memory = try allocate(count * ScalarType.float64.byteCount)
        return try Tensor.view(memory: memory.start, shape: [count], type: .float64, keepAlive: memory.owner)
    }

    public func add(_ gradient: Tensor, to parameter: Tensor) throws {
        guard let sum = sums[ObjectIdentifier(parameter)] else {
            throw TrainingError.unsupported(
                "a gradient for a parameter that is not trained, of shape \(parameter.shape)")
        }
        try sum.addInPlace(gradient, roundedTo: Self.quantum)
    }

    /// Sets all sums to zero, for the next step.
    func zero() throws {
        for bucket in buckets { try bucket.sums.zeroInPlace() }
    }

    /// Sums over the ranks and leaves the result in the parameters' gradients.
    func allReduce(over communicator: Communicator) throws {
        for bucket in buckets {
            try communicator.allReduceSum(bucket.sums)
            try bucket.gradients.copyInPlace(from: bucket.sums)
        }
    }
}
