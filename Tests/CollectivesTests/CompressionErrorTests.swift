import Collectives
import Randomness
import Testing

/// How far compressed sums are from exact ones.
@Suite struct CompressionErrorTests {
    static let count = 1000

    /// The largest share of its bound that an error takes up, over all elements.
    private func check(
        _ compression: GradientCompression, ranks: Int, _ bound: (_ index: Int, _ gradients: [[Float]]) -> Double
    ) throws {
        let gradients = (0..<ranks).map { randomGradient(seed: 41, rank: $0, step: 0, count: Self.count) }
        let exact = exactSum(ranks: ranks, count: Self.count) { gradients[$0] }
        let sums = try compressedSums(compression, ranks: ranks, count: Self.count) { rank, _ in gradients[rank] }[0][0]
        for index in exact.indices {
            let error = abs(Double(sums[index]) - exact[index])
            #expect(error <= bound(index, gradients), "seed 41, \(compression), \(ranks) ranks, element \(index)")
        }
    }

    private func magnitudes(_ gradients: [[Float]], _ index: Int) -> Double {
        gradients.reduce(0) { $0 + Double($1[index].magnitude) }
    }

    @Test(arguments: rankCounts.dropFirst())
    func halvesAreOffByOneRoundingForEachRank(ranks: Int) throws {
        for (compression, unit) in [(GradientCompression.float16, 0x1p-11), (.bfloat16, 0x1p-8)] {
            try check(compression, ranks: ranks) { index, gradients in
                // The second term is that of float16's subnormal numbers.
                1.01 * Double(ranks) * unit * magnitudes(gradients, index) + Double(ranks) * 0x1p-25
            }
        }
    }

    @Test(arguments: rankCounts.dropFirst())
    func bytesAreOffByHalfAScaleForEachRankAndTheSum(ranks: Int) throws {
        try check(.int8, ranks: ranks) { index, gradients in
            let block = index / 256 * 256..<min(index / 256 * 256 + 256, Self.count)
            let scales = gradients.reduce(0.0) { sum, gradient in
                sum + Double(block.map { gradient[$0].magnitude }.max() ?? 0) / 127
            }
            let largest = block.map { index in abs(gradients.reduce(0.0) { $0 + Double($1[index]) }) }.max() ?? 0
            return 1.001 * (scales / 2 + (largest + scales / 2) / 254)
        }
    }

    @Test(arguments: rankCounts.dropFirst())
    func theLargestLeaveOutNoMoreThanTheLeastOfThem(ranks: Int) throws {
        let kept = 50
        try check(.topK(fraction: 0.05), ranks: ranks) { _, gradients in
            1.001 * gradients.reduce(0.0) { $0 + Double($1.map(\.magnitude).sorted(by: >)[kept - 1]) }
        }
    }

    @Test(arguments: rankCounts.dropFirst())
    func allOfThemAreExact(ranks: Int) throws {
        let sums = try compressedSums(.topK(fraction: 1), ranks: ranks, count: Self.count) { rank, _ in
            (0..<Self.count).map { Float(sample(rank, $0)) }
        }[0][0]
        let exact = (0..<Self.count).map { index in Float((0..<ranks).reduce(0) { $0 + sample($1, index) }) }
        #expect(sums == exact)
    }

    @Test func ofEqualElementsThoseOfLowerIndexAreSent() throws {
        let sums = try compressedSums(.topK(fraction: 0.3), ranks: 2, count: 10) { rank, _ in
            [1, -1, 1, 0, 2, 1, -1, 1, 1, 1]
        }
        #expect(sums == [[[2, -2, 0, 0, 4, 0, 0, 0, 0, 0]], [[2, -2, 0, 0, 4, 0, 0, 0, 0, 0]]])
    }

    /// Each matrix's result is a projection of the sum, and vectors are exact but for float32's rounding.
    @Test(arguments: rankCounts.dropFirst(), [1, 3])
    func lowRankProjectsMatricesAndLeavesVectors(ranks: Int, rank: Int) throws {
        let gradients = (0..<ranks).map { randomGradient(seed: 42, rank: $0, step: 0, count: Self.count) }
        let exact = exactSum(ranks: ranks, count: Self.count) { gradients[$0] }
        let sums = try compressedSums(.powerSGD(rank: rank), ranks: ranks, count: Self.count) { member, _ in
            gradients[member]
        }[0][0]
        let matrices = layout(count: Self.count).matrices.map { $0.offset..<$0.offset + $0.count }
        for range in matrices {
            let error = norm(range.map { Double(sums[$0]) - exact[$0] })
            let whole = norm(exact[range])
            let result = norm(range.map { Double(sums[$0]) })
            // Pythagoras: result and error are at right angles.
            #expect(abs(result * result + error * error - whole * whole) < 1e-4 * whole * whole, "seed 42")
            #expect(error < whole, "seed 42")
        }
        for index in exact.indices where !matrices.contains(where: { $0.contains(index) }) {
            let error = abs(Double(sums[index]) - exact[index])
            #expect(error <= 1e-6 * magnitudes(gradients, index), "seed 42, element \(index)")
        }
    }

    /// Also of lower rank than the approximation's, where columns of P depend on each other. All gradients have the same
    /// space of rows, so that a warm start is a good one.
    @Test(arguments: rankCounts.dropFirst(), [0, 1, 2, 4])
    func aSumOfLowRankIsExact(ranks: Int, rank: Int) throws {
        let layout = GradientLayout(count: 60 * 45, matrices: [GradientLayout.Matrix(rows: 60, columns: 45, offset: 0)])
        let gradient: @Sendable (Int, Int) -> [Float] = { member, step in
            var random = Philox(seed: 43, path: [UInt64(member), UInt64(step)])
            let left = (0..<60 * rank).map { _ in Float(random.normal()) }
            random = Philox(seed: 43, path: [])
            let right = (0..<45 * rank).map { _ in Float(random.normal()) }
            return (0..<60 * 45).map { index in
                (0..<rank).reduce(0) { $0 + left[index / 45 * rank + $1] * right[index % 45 * rank + $1] }
            }
        }
        let sums = try compressedSums(
            .powerSGD(rank: 4), ranks: ranks, count: layout.count, steps: 4, layout: layout, gradient)
        for step in 0..<4 {
            let exact = exactSum(ranks: ranks, count: layout.count) { gradient($0, step) }
            let error = norm(zip(sums[0][step], exact).map { Double($0) - $1 })
            #expect(error <= 1e-5 * norm(exact), "seed 43, step \(step)")
        }
    }
}
