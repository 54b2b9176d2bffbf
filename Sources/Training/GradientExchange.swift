import Collectives

/// A bucket on its way: where it lies, and how it is summed over the ranks.
public enum DepartingBucket {
    /// Multiples of one quantum, whose sums are exact, and whether no more of these is wanted than float32 holds.
    case exact(UnsafeMutableBufferPointer<Double>, asFloat32: Bool)
    /// Rounded gradients, and the compressor of this bucket, which may keep what it leaves out.
    case compressed(UnsafeMutableBufferPointer<Float>, any GradientCompressor)
}

/// Sums gradient buckets over all ranks.
///
/// All ranks submit the same buckets in the same order. Only the training thread calls it. Calls throw what the
/// collectives throw; the exchange is then of no further use.
public protocol GradientExchange: AnyObject {
    /// Whether a bucket should be submitted as soon as it is complete, to be summed while backward goes on.
    var overlaps: Bool { get }

    /// Takes the next bucket. Its memory and its compressor are the exchange's until `finish` names it.
    func submit(_ bucket: DepartingBucket) throws

    /// Calls `summed` with the number of each bucket submitted since the last call, in order from 0, once it holds the
    /// sum over all ranks.
    ///
    /// - Returns: what it took; nil with one rank.
    func finish(_ summed: (Int) throws -> Void) throws -> ExchangeTimes?
}

/// What summing a step's gradients over the ranks took on one rank.
public struct ExchangeTimes: Equatable, Sendable {
    /// Seconds in the all-reduces of all buckets, waiting for slower ranks included.
    public var communication: Double
    /// Seconds for which the training thread stood still for them.
    public var exposed: Double

    public init(communication: Double, exposed: Double) {
        self.communication = communication
        self.exposed = exposed
    }

    /// 1 − exposed / communication, not below 0: the share of the communication that was hidden behind backward.
    public var hiddenShare: Double {
        communication > 0 ? max(0, 1 - exposed / communication) : 0
    }
}

/// Sums the buckets on the training thread, when backward is through.
public final class DirectExchange: GradientExchange {
    public let overlaps = false
    private let communicator: Communicator
    private var buckets: [DepartingBucket] = []

    public init(_ communicator: Communicator) {
        self.communicator = communicator
    }

    public func submit(_ bucket: DepartingBucket) {
        buckets.append(bucket)
    }

    public func finish(_ summed: (Int) throws -> Void) throws -> ExchangeTimes? {
        defer { buckets.removeAll(keepingCapacity: true) }
        var taken = Duration.zero
        for (index, bucket) in buckets.enumerated() {
            taken += try ContinuousClock().measure { try communicator.allReduce(bucket: index, bucket) }
            try summed(index)
        }
        return communicator.size > 1 ? ExchangeTimes(communication: taken.seconds, exposed: taken.seconds) : nil
    }
}

extension Communicator {
    /// Sums a bucket over all ranks; errors name it.
    func allReduce(bucket index: Int, _ bucket: DepartingBucket) throws {
        do {
            switch bucket {
            case .exact(let sums, asFloat32: true):
                try allReduceSum(sums, multiplesOf: GradientBuckets.quantum, roundedTo: Float.self)
            case .exact(let sums, asFloat32: false): try allReduce(sums, .sum)
            case .compressed(let gradients, let compressor): try compressor.allReduceSum(gradients, over: self)
            }
        } catch var error as CollectiveError {
            error.place?.collective = "all-reduce of gradient bucket \(index)"
            throw error
        }
    }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
