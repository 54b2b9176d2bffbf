import Collectives
import Contrastive
import Torch

/// The gradients of all parameters in flat buckets, so that one collective moves many of them.
///
/// Each parameter's `gradient` is a view into a bucket with the parameter's own strides; backward accumulates there in
/// place. Buckets are filled in reverse order of the parameters, the order in which backward finishes them.
public final class GradientBuckets {
    /// Flat float32 or float64 tensors, each at most about `bucketBytes` long.
    public let buckets: [Tensor]

    /// - Parameter bucketBytes: a new bucket begins when the next gradient would not fit; a larger gradient gets a
    ///   bucket of its own.
    public init(parameters: [Parameter], bucketBytes: Int = 16 << 20) throws {
        var groups: [[Parameter]] = []
        var filled = Int.max
        for parameter in parameters.reversed() {
            let bytes = parameter.tensor.count * parameter.tensor.scalarType.byteCount
            if filled > bucketBytes - min(bytes, bucketBytes) {
                groups.append([])
                filled = 0
            }
            groups[groups.count - 1].append(parameter)
            filled += bytes
        }
        buckets = try groups.map { group in
            let bucket = try Tensor.zeros(
                [group.reduce(0) { $0 + $1.tensor.count }], group[0].tensor.scalarType)
            var offset = 0
            for parameter in group {
                let tensor = parameter.tensor
                try tensor.setGradient(bucket.asStrided(tensor.shape, strides: tensor.strides, offset: offset))
                offset += tensor.count
            }
            return bucket
        }
    }

    /// Sets all gradients to zero, for the next step.
    public func zero() throws {
        for bucket in buckets { try bucket.zeroInPlace() }
    }

    /// Sums all gradients over the ranks.
    public func allReduce(over communicator: Communicator) throws {
        for bucket in buckets { try communicator.allReduceSum(bucket) }
    }
}
