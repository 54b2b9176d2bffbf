import ClusterTestKit
import Collectives
import Randomness

/// Every way to compress, with parameters that suit small buckets.
let compressions: [GradientCompression] = [
    .none, .float16, .bfloat16, .int8, .topK(fraction: 0.05), .topK(fraction: 1), .powerSGD(rank: 1),
    .powerSGD(rank: 3),
]

/// A bucket of `count` elements with two matrices, where there is room, and vectors around them.
func layout(count: Int) -> GradientLayout {
    guard count >= 100 else { return GradientLayout(count: count) }
    let first = GradientLayout.Matrix(rows: 8, columns: count / 16, offset: 3)
    let second = GradientLayout.Matrix(rows: count / 40, columns: 7, offset: 10 + first.count)
    return GradientLayout(count: count, matrices: [second, first])
}

/// Normal numbers, of another magnitude in every stretch of 100.
func randomGradient(seed: UInt64, rank: Int, step: Int, count: Int) -> [Float] {
    var random = Philox(seed: seed, path: [UInt64(rank), UInt64(step)])
    return (0..<count).map { Float(random.normal()) * [1e-3, 1, 10][$0 / 100 % 3] }
}

/// What one compressor makes of the gradients of `steps` steps, by rank and step.
func compressedSums(
    _ compression: GradientCompression, ranks: Int, count: Int, steps: Int = 1, forgetful: Bool = false,
    limits: CollectiveLimits = CollectiveLimits(), layout given: GradientLayout? = nil,
    _ gradient: @escaping @Sendable (_ rank: Int, _ step: Int) -> [Float]
) throws -> [[[Float]]] {
    try withRanks(ranks, limits: limits) { communicator in
        let compressor = compression.makeCompressor(layout: given ?? layout(count: count), seed: 3)
        return try (0..<steps).map { step in
            if forgetful { compressor.reset() }
            var values = gradient(communicator.rank, step)
            try values.withUnsafeMutableBufferPointer { try compressor.allReduceSum($0, over: communicator) }
            return values
        }
    }
}

/// In float64.
func exactSum(ranks: Int, count: Int, _ gradient: (Int) -> [Float]) -> [Double] {
    (0..<ranks).reduce(into: [Double](repeating: 0, count: count)) { sum, rank in
        for (index, value) in gradient(rank).enumerated() { sum[index] += Double(value) }
    }
}

/// The Euclidean (Frobenius) norm.
func norm(_ values: some Sequence<Double>) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
}
