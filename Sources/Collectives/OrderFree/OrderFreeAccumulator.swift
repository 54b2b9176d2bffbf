import CReduction

/// The sum of many addends of one buffer, over calls and over ranks, that is the same bits in whatever order they come
/// and whichever rank adds them.
///
/// A step is: `add` all of this rank's addends, `allReduce`, and `read`. All ranks see the same outcome. If that is
/// `.overflow`, the sums are zero again and the scales fit: each rank adds the same addends once more, and the next
/// `allReduce` is exact.
///
/// The result of a block depends on the addends, on `FixedPointScales.addends` and on the block's exponent at the start of
/// the step. It is NaN throughout the block if any addend in it, on any rank, is infinite or NaN.
///
/// Belongs to one thread. After an error of a communicator: `reset(scales:)` with those the step began with, on all
/// ranks, and the step again.
public final class OrderFreeAccumulator {
    public enum Outcome: Equatable, Sendable {
        /// The sums can be read.
        case exact
        /// In so many blocks addends were too large for the scales. All must be added again.
        case overflow(blocks: Int)
    }

    /// The scales of the step in progress.
    public private(set) var scales: FixedPointScales
    private let sums: UnsafeMutableBufferPointer<Int32>
    private let ownsSums: Bool
    /// Each block's largest magnitude: this rank's, then all ranks'.
    private var magnitudes: [Int32]
    /// Elements added since the last reset.
    private var added = 0
    private var isReduced = false

    /// - Parameter memory: where the sums are kept, `scales.count` elements that outlive the accumulator and are no one
    ///   else's; nil to allocate it.
    public init(scales: FixedPointScales, memory: UnsafeMutableBufferPointer<Int32>? = nil) {
        precondition(memory == nil || memory?.count == scales.count, "the sums are as many as the buffer's elements")
        self.scales = scales
        sums = memory ?? .allocate(capacity: scales.count)
        ownsSums = memory == nil
        magnitudes = []
        reset()
    }

    deinit {
        if ownsSums { sums.deallocate() }
    }

    /// Forgets what was added; the scales stay.
    public func reset() {
        sums.update(repeating: 0)
        magnitudes = Array(repeating: 0, count: scales.exponents.count)
        added = 0
        isReduced = false
    }

    /// Forgets what was added and takes other scales, of the same buffer.
    public func reset(scales: FixedPointScales) {
        precondition(scales.count == self.scales.count, "the scales are those of the same buffer")
        self.scales = scales
        reset()
    }

    /// Adds to elements `offset ..< offset + addend.count`. Over all ranks no element may get more than `scales.addends`
    /// addends.
    public func add(_ addend: UnsafeBufferPointer<Float>, at offset: Int = 0) {
        precondition(!isReduced, "what was reduced is read before more is added")
        precondition(offset >= 0 && addend.count <= scales.count - offset, "the addend lies within the buffer")
        guard let source = addend.baseAddress, let target = sums.baseAddress else { return }
        added += addend.count
        precondition(added <= scales.addends * scales.count, "no more addends than the scales are made for")
        var position = offset
        while position < offset + addend.count {
            let block = position / FixedPointScales.blockElements
            let end = min(scales.elements(of: block).upperBound, offset + addend.count)
            let magnitude = fixedpoint_add(
                target + position, source + (position - offset), end - position, scales.exponents[block], scales.rule)
            magnitudes[block] = max(magnitudes[block], magnitude)
            position = end
        }
    }

    /// Sums over the ranks, all of which call it after they have added what they have. One short all-reduce of a word for
    /// each block, and one of the sums unless there was an overflow.
    ///
    /// Throws `CollectiveError`, also if the ranks do not have the same scales.
    public func allReduce(over communicator: Communicator) throws -> Outcome {
        precondition(!isReduced, "what was reduced is read before it is reduced again")
        try communicator.agree(on: &magnitudes, scales: scales)
        let overflowed = scales.fit(magnitudes)
        guard overflowed == 0 else {
            reset()
            return .overflow(blocks: overflowed)
        }
        try communicator.allReduce(sums, .sum)
        isReduced = true
        return .exact
    }

    /// Writes the result, `scales.count` elements, chooses the scales of the next step, and begins it with zeros.
    public func read(into result: UnsafeMutableBufferPointer<Float>) {
        precondition(isReduced, "an exact outcome comes before its result")
        precondition(result.count == scales.count, "the result is as long as the buffer")
        if let source = sums.baseAddress, let target = result.baseAddress {
            scales.read(source, magnitudes, into: target)
        }
        scales.advance(past: magnitudes)
        reset()
    }
}
