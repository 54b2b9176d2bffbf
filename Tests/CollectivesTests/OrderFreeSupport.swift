import Collectives
import Randomness

/// Addends whose plain sum depends on the order: magnitudes from 2^-100 to 2^100 around `scale`, in patches of different
/// breadth, some of them nearly cancelling.
func unevenAddends(seed: UInt64, addends: Int, count: Int, scale: Float = 1) -> [[Float]] {
    (0..<addends).map { addend in
        var random = Philox(seed: seed, path: [UInt64(addend)])
        return (0..<count).map { index in
            // Patches of 100: of one magnitude, of magnitudes within a block's reach, and of all.
            let patch = index / 100 % 3
            let breadth: Float = patch == 0 ? 0 : patch == 1 ? 12 : 30
            let exponent = Int(random.uniform(in: -breadth...max(breadth, 1)))
            let cancelling: Float = index % 7 == 0 && addend % 2 == 0 ? 1000 : index % 7 == 0 ? -1000 : 0
            return (Float(random.normal()) + cancelling) * Float(sign: .plus, exponent: exponent, significand: 1)
                * scale
        }
    }
}

/// Which addends a rank has, in which order: all of them dealt at random.
func deal(_ addends: Int, rank: Int, size: Int, seed: UInt64) -> [Int] {
    var random = Philox(seed: seed, path: [UInt64(size), 77])
    let order = random.permutation(of: addends).map(Int.init)
    return order.indices.filter { $0 % size == rank }.map { order[$0] }
}

/// What the ranks have after a number of steps.
struct OrderFreeRun: Sendable, Equatable {
    /// Each step's result.
    var sums: [[Float]] = []
    /// Each step's overflowed blocks.
    var overflows: [Int] = []
    var scales: FixedPointScales

    var bits: [[UInt32]] { sums.map { $0.map(\.bitPattern) } }

    static func == (left: OrderFreeRun, right: OrderFreeRun) -> Bool {
        left.bits == right.bits && left.overflows == right.overflows && left.scales == right.scales
    }
}

/// Sums each step's addends, those of `mine`, with an accumulator.
func accumulate(
    _ steps: [[[Float]]], mine: [Int], from scales: FixedPointScales, over communicator: Communicator
) throws -> OrderFreeRun {
    let accumulator = OrderFreeAccumulator(scales: scales)
    var run = OrderFreeRun(scales: scales)
    for step in steps {
        var overflows = 0
        while true {
            for addend in mine {
                // In two pieces that cut a block, as parameters do.
                step[addend].withUnsafeBufferPointer {
                    let middle = $0.count / 3
                    accumulator.add(UnsafeBufferPointer(rebasing: $0[middle...]), at: middle)
                    accumulator.add(UnsafeBufferPointer(rebasing: $0[..<middle]))
                }
            }
            guard case .overflow(let blocks) = try accumulator.allReduce(over: communicator) else { break }
            overflows += blocks
        }
        var result = [Float](repeating: .nan, count: scales.count)
        result.withUnsafeMutableBufferPointer { accumulator.read(into: $0) }
        run.sums.append(result)
        run.overflows.append(overflows)
    }
    run.scales = accumulator.scales
    return run
}

/// The same on one rank that has all addends.
func accumulateAlone(_ steps: [[[Float]]], from scales: FixedPointScales) throws -> OrderFreeRun {
    try withRanks(1) { try accumulate(steps, mine: Array(0..<scales.addends), from: scales, over: $0) }[0]
}
