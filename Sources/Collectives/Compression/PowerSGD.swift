import CReduction
import Randomness

/// Low-rank gradients: each matrix of the bucket is approximated by a product P·Qᵀ of rank r, and the factors are
/// summed instead of it (Vogels, Karimireddy & Jaggi 2019, "PowerSGD: practical low-rank gradient compression for
/// distributed optimization", algorithms 1 and 2).
///
/// One step of a power iteration on the summed matrix M = Σ Mᵢ: P = Σ Mᵢ Q is all-reduced and orthonormalised, then
/// Q = Σ Mᵢᵀ P is all-reduced and kept, orthonormalised, for the next call (warm start). The result P·Qᵀ = P·Pᵀ·M is
/// exact but for rounding where M has no higher rank. A rank keeps Mᵢ - P·Pᵀ·Mᵢ in its residual.
///
/// Vectors, and matrices for which (rows + columns) · r is not less than rows · columns, are summed uncompressed, in the
/// same all-reduce as all P. So there are two all-reduces a call.
///
/// Q must be the same on all ranks, and a rank that joins has none. Therefore the first call over a communicator begins
/// with a random Q that depends on the seed and the layout alone; residuals stay. The first sums of a generation are so
/// less close than later ones.
///
/// A matrix that has an infinity or NaN on any rank, or whose projection overflows, is all NaN; its residual becomes zero
/// on all ranks and its Q random again. Of the uncompressed elements an infinity or NaN stays in its place.
public final class PowerSGD: GradientCompressor {
    public private(set) var traffic = CompressionTraffic()
    private let plan: LowRankPlan
    private let seed: UInt64
    /// How often a random vector was drawn since the start over this communicator; the same on all ranks.
    private var draws: UInt64 = 0
    /// Whose ranks have the same `warm`.
    private weak var communicator: Communicator?

    private let residual: Storage<Float>
    /// Q of the last call, orthonormal.
    private let warm: Storage<Float>
    /// All P, then the uncompressed elements.
    private let lefts: Storage<Float>
    /// This rank's share of all Q.
    private let ownRights: Storage<Float>
    /// All Q.
    private let rights: Storage<Float>

    /// - Parameters:
    ///   - rank: of the approximation, above 0; what has fewer rows or columns goes uncompressed.
    ///   - seed: of the random Q; the same on all ranks, another for each bucket.
    public init(layout: GradientLayout, rank: Int, seed: UInt64) {
        precondition(rank > 0, "an approximation has at least rank 1")
        plan = LowRankPlan(layout: layout, rank: rank)
        self.seed = seed
        residual = Storage(count: layout.count)
        warm = Storage(count: plan.rightCount)
        lefts = Storage(count: plan.leftCount + plan.uncompressedCount)
        ownRights = Storage(count: plan.rightCount)
        rights = Storage(count: plan.rightCount)
    }

    public func reset() {
        residual.zero()
        communicator = nil
    }

    public func allReduceSum(_ gradient: UnsafeMutableBufferPointer<Float>, over communicator: Communicator) throws {
        try communicator.check(gradient, count: residual.count)
        guard let values = gradient.baseAddress, gradient.count > 0 else { return }
        compression_add(values, residual.start, gradient.count)
        guard communicator.size > 1 else { return residual.zero() }
        if self.communicator !== communicator {
            self.communicator = communicator
            draws = 0
            for factor in plan.factors { fillWithRandom(factor, vectors: 0..<plan.rank) }
        }

        for factor in plan.factors {
            let (rows, columns) = (factor.matrix.rows, factor.matrix.columns)
            low_rank_left(
                lefts.start + factor.left, values + factor.matrix.offset, warm.start + factor.right, rows, columns,
                plan.rank)
        }
        plan.gatherUncompressed(from: values, into: lefts.start + plan.leftCount)
        try communicator.allReduce(lefts.buffer, .sum)

        for factor in plan.factors {
            let (rows, columns) = (factor.matrix.rows, factor.matrix.columns)
            low_rank_orthonormalise(lefts.start + factor.left, rows, plan.rank)
            low_rank_right(
                ownRights.start + factor.right, values + factor.matrix.offset, lefts.start + factor.left, rows,
                columns, plan.rank)
        }
        _ = rights.buffer.update(fromContentsOf: ownRights.buffer)
        try communicator.allReduce(rights.buffer, .sum)

        // Only now, so that an error leaves residual and warm start.
        for factor in plan.factors { finish(factor, values + factor.matrix.offset) }
        plan.scatterUncompressed(from: lefts.start + plan.leftCount, into: values)
        traffic.addUncompressed(count: gradient.count, ranks: communicator.size)
        for buffer in [lefts, rights] {
            traffic.addAllReduce(bytes: buffer.count * MemoryLayout<Float>.stride, ranks: communicator.size)
        }
    }

    /// Takes over the result, the residual and the next Q of one matrix.
    private func finish(_ factor: LowRankPlan.Factor, _ values: UnsafeMutablePointer<Float>) {
        let (rows, columns) = (factor.matrix.rows, factor.matrix.columns)
        let error = residual.start + factor.matrix.offset
        let left = lefts.start + factor.left
        let right = rights.start + factor.right
        // Whatever was not finite, in the matrix or in P, is in Q too.
        guard compression_all_finite(right, columns * plan.rank) != 0 else {
            UnsafeMutableBufferPointer(start: values, count: factor.matrix.count).update(repeating: .nan)
            UnsafeMutableBufferPointer(start: error, count: factor.matrix.count).update(repeating: 0)
            return fillWithRandom(factor, vectors: 0..<plan.rank)
        }
        low_rank_error(error, values, left, ownRights.start + factor.right, rows, columns, plan.rank)
        low_rank_expand(values, left, right, rows, columns, plan.rank)

        let next = warm.start + factor.right
        next.update(from: right, count: columns * plan.rank)
        low_rank_orthonormalise(next, columns, plan.rank)
        // A vector that found nothing would find nothing for ever.
        for vector in 0..<plan.rank
        where UnsafeBufferPointer(start: next + vector * columns, count: columns).allSatisfy({ $0 == 0 }) {
            fillWithRandom(factor, vectors: vector..<vector + 1)
        }
    }

    /// Uniform numbers in [-1, 1).
    private func fillWithRandom(_ factor: LowRankPlan.Factor, vectors: Range<Int>) {
        var random = Philox(seed: seed, path: [UInt64(factor.matrix.offset), draws])
        draws += 1
        let columns = factor.matrix.columns
        for index in vectors.lowerBound * columns..<vectors.upperBound * columns {
            warm.start[factor.right + index] = random.uniform() * 2 - 1
        }
    }
}
