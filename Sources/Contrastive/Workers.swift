import Torch

/// The workers of a step as a method sees them: who has which images, and what can be put together from all of them.
///
/// The N images of a step are dealt in sample order: worker 0 has the first `rows[0]`, worker 1 the next `rows[1]`, and so
/// on; a worker may have none. Every worker makes the same calls in the same order, or they do not meet.
///
/// A loss over workers returns this worker's **share**: the shares of all workers sum to the loss of the global batch, and
/// so do the gradients that flow from them, however unevenly the images are dealt.
public protocol Workers: AnyObject {
    /// This worker, in 0..<rows.count.
    var rank: Int { get }
    /// Images of each worker; their sum is N.
    var rows: [Int] { get }

    /// `[rows[rank], …]` of every worker → `[N, …]` in sample order, without gradient.
    func gather(_ own: Tensor) throws -> Tensor

    /// The sum over workers of a tensor that has the same shape everywhere (float32 or float64), without gradient.
    func sum(_ tensor: Tensor) throws -> Tensor

    /// The same with gradient: the backward sums the workers' gradients of the sum. Where all workers go on to compute
    /// the same from it, each must count only its share of that.
    func sumWithGradient(_ tensor: Tensor) throws -> Tensor

    /// The largest of each element over workers, without gradient.
    func maximum(_ tensor: Tensor) throws -> Tensor

    /// Hands a tensor to the next worker round the ring (worker 0 is next to the last), without gradient. The worker may
    /// compute while it travels; its memory must not change before `settle` has returned.
    func passOn(_ tensor: Tensor) throws

    /// What the previous worker passed on next, of the shape and type that it has.
    func receive(_ shape: [Int], _ type: ScalarType) throws -> Tensor

    /// Waits until nothing that was passed on is needed any more. To be called after as many `receive` as `passOn`.
    func settle() throws
}

extension Workers {
    /// N.
    public var imageCount: Int { rows.reduce(0, +) }
    /// This worker's images within 0..<N.
    public var ownRows: Range<Int> {
        let start = rows[..<rank].reduce(0, +)
        return start..<start + rows[rank]
    }
}

/// One worker that has the whole batch.
public final class OneWorker: Workers {
    public let rank = 0
    public let rows: [Int]
    /// Passed on and not received.
    private var travelling: [Tensor] = []

    public init(images: Int) { rows = [images] }

    public func gather(_ own: Tensor) throws -> Tensor { try own.detached() }
    public func sum(_ tensor: Tensor) throws -> Tensor { try tensor.detached() }
    public func sumWithGradient(_ tensor: Tensor) throws -> Tensor { tensor }
    public func maximum(_ tensor: Tensor) throws -> Tensor { try tensor.detached() }

    public func passOn(_ tensor: Tensor) throws { travelling.append(try tensor.detached()) }

    public func receive(_ shape: [Int], _ type: ScalarType) throws -> Tensor {
        guard let next = travelling.first, next.shape == shape, next.scalarType == type else {
            throw ContrastiveError(.state, in: "workers", "nothing of shape \(shape) was passed on")
        }
        return travelling.removeFirst()
    }

    public func settle() throws {}
}
