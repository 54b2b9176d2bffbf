/// Sums one bucket of gradients over the ranks while sending less than all of it.
///
/// One compressor belongs to one bucket and to one thread, and is kept from step to step: it may hold a **residual**,
/// what its compression has left out so far, which it adds to the next gradient (error feedback; Seide et al. 2014,
/// "1-bit stochastic gradient descent"; Karimireddy et al. 2019, "Error feedback fixes SignSGD"). The sums of many steps
/// are then right even where one step's is not.
///
/// - The result is the same bits on every rank. It depends on the number of ranks.
/// - A residual belongs to the rank that holds it. That of a rank that leaves is lost; a rank that joins begins with
///   none. Residuals are not part of checkpoints.
/// - A call that throws leaves all residuals as they were, so that the step can be repeated over another communicator.
/// - An infinity or NaN in any rank's gradient is an infinity or NaN in the sum, for that element or for more around
///   it, as each compressor says. Residuals are finite always: where one would not be, it is zero instead.
/// - Over one rank nothing is compressed: the result is the gradient and what was left in the residual.
public protocol GradientCompressor: AnyObject {
    /// Replaces each element by its approximate sum over all ranks.
    ///
    /// - Parameter gradient: as many elements as the compressor was made for; unspecified after an error.
    /// - Throws: `CollectiveError`, as the collectives that it uses do.
    func allReduceSum(_ gradient: UnsafeMutableBufferPointer<Float>, over communicator: Communicator) throws

    /// Drops all state that depends on earlier gradients. All ranks must do so between the same two calls.
    func reset()

    /// What was sent since the compressor was made.
    var traffic: CompressionTraffic { get }
}

extension GradientCompressor {
    /// Payload bytes that this rank has handed to its link, by `CompressionTraffic`'s formulas.
    public var sentBytes: Int { traffic.sentBytes }
    /// What the same sums would have taken in float32.
    public var uncompressedBytes: Int { traffic.uncompressedBytes }
}

/// Payload bytes of one rank, by the formulas of the ring algorithms: of n bytes an all-reduce among p ranks sends
/// 2n(p−1)/p, and an all-gather of n bytes in all n(p−1)/p. What goes another way (small buffers, shared memory) sends
/// another number of bytes, with and without compression.
public struct CompressionTraffic: Sendable, Equatable {
    public private(set) var sentBytes = 0
    public private(set) var uncompressedBytes = 0

    /// - Parameter count: the elements of a float32 gradient.
    mutating func addUncompressed(count: Int, ranks: Int) {
        uncompressedBytes += Self.allReduceBytes(count * MemoryLayout<Float>.stride, ranks: ranks)
    }

    mutating func addAllReduce(bytes: Int, ranks: Int) {
        sentBytes += Self.allReduceBytes(bytes, ranks: ranks)
    }

    mutating func addAllGather(bytes: Int, ranks: Int) {
        sentBytes += bytes * (ranks - 1) / ranks
    }

    /// - Parameter bytes: those for other ranks.
    mutating func addAllToAll(bytes: Int) {
        sentBytes += bytes
    }

    private static func allReduceBytes(_ bytes: Int, ranks: Int) -> Int {
        2 * bytes * (ranks - 1) / ranks
    }
}

extension Communicator {
    /// - Throws: `CollectiveError` if the gradient is not what the compressor was made for, or if nothing works any more.
    func check(_ gradient: UnsafeMutableBufferPointer<Float>, count: Int) throws {
        try perform("compressed all-reduce", alone: true) {
            guard gradient.count == count else {
                throw CollectiveError(
                    .invalidArgument("the gradient has \(gradient.count) elements, its compressor is for \(count)"))
            }
        }
    }
}
