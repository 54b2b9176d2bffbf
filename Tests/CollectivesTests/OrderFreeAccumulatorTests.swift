import Collectives
import Randomness
import Testing

private let sizes = [0, 1, 3, 4, 100, 1000, 1023, 1024, 1025, 10007]

@Suite struct OrderFreeAccumulatorTests {
    /// Steps of ordinary gradients, of 10⁶ times larger ones, and of small ones again.
    private func steps(seed: UInt64, count: Int) -> [[[Float]]] {
        [1, 1, 1e6, 1e6, 1e-3].enumerated().map { step, scale in
            unevenAddends(seed: seed &+ UInt64(step), addends: 36, count: count, scale: scale)
        }
    }

    @Test(arguments: sizes)
    func theNumberOfRanksAndTheDealingDoNotShow(count: Int) throws {
        let seed = UInt64(count) + 3
        let steps = steps(seed: seed, count: count)
        let scales = FixedPointScales(count: count, addends: 36)
        let alone = try accumulateAlone(steps, from: scales)
        for ranks in 1...9 {
            for limits in [CollectiveLimits(), ringOnly] {
                let runs = try withRanks(ranks, limits: limits) { communicator in
                    try accumulate(
                        steps, mine: deal(36, rank: communicator.rank, size: ranks, seed: seed), from: scales,
                        over: communicator)
                }
                #expect(runs.allSatisfy { $0 == alone }, "seed \(seed), \(ranks) ranks, \(count) elements, \(limits)")
            }
        }
    }

    @Test(arguments: 100..<UInt64(120))
    func whicheverRankHasWhichAddendsTheBitsAreTheSame(seed: UInt64) throws {
        var random = Philox(seed: seed, path: [])
        let count = random.below(5000)
        let addends = 9 + random.below(60)
        let scale = Float(sign: .plus, exponent: random.below(120) - 60, significand: 1)
        let steps = (0..<2).map { unevenAddends(seed: seed &+ $0, addends: addends, count: count, scale: scale) }
        let scales = FixedPointScales(count: count, addends: addends, headroomBits: random.below(6))
        let alone = try accumulateAlone(steps, from: scales)
        let ranks = 2 + random.below(8)
        let runs = try withRanks(ranks, limits: seed % 2 == 0 ? ringOnly : CollectiveLimits()) { communicator in
            try accumulate(
                steps, mine: deal(addends, rank: communicator.rank, size: ranks, seed: seed), from: scales,
                over: communicator)
        }
        #expect(runs.allSatisfy { $0 == alone }, "seed \(seed), \(ranks) ranks, \(count) elements, \(addends) addends")
    }

    /// Without this the tests above would prove nothing.
    @Test func plainSumsOfTheSameAddendsDoDependOnTheNumberOfRanks() throws {
        let addends = unevenAddends(seed: 10010, addends: 36, count: 10007)
        let results = try (1...9).map { ranks in
            try withRanks(ranks) { communicator in
                var sums = [Float](repeating: 0, count: 10007)
                for addend in deal(36, rank: communicator.rank, size: ranks, seed: 10010) {
                    for index in sums.indices { sums[index] += addends[addend][index] }
                }
                try sums.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
                return digest(sums)
            }[0]
        }
        #expect(Set(results).count == 9, "seed 10010")
    }

    @Test func addendsThatGrowOverflowOnceAndAllRanksKnow() throws {
        let alone = try accumulateAlone(steps(seed: 5, count: 3000), from: FixedPointScales(count: 3000, addends: 36))
        // Unknown scales, then the growth; neither the step after it nor a decay overflows.
        #expect(alone.overflows[0] == 3 && alone.overflows[2] == 3)
        #expect(alone.overflows[1] + alone.overflows[3] + alone.overflows[4] == 0)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func theErrorIsHalfAQuantumForEachAddendAndOneRounding(seed: UInt64) throws {
        let steps = steps(seed: seed, count: 5000)
        var scales = FixedPointScales(count: 5000, addends: 36)
        for (number, step) in steps.enumerated() {
            let run = try accumulateAlone([step], from: scales)
            for block in scales.exponents.indices {
                let elements = block * 1024..<min(5000, (block + 1) * 1024)
                let largest = elements.map { index in step.map { abs($0[index]) }.max()! }.max()!
                // If it was not coarse enough already: the largest addend has at least 2^25 / 2^headroom / 2 quanta.
                let fromLargest = Double(largest) * 0x1p-24 * 8
                let before =
                    run.overflows[0] > 0
                    ? 0 : Double(sign: .plus, exponent: Int(scales.exponents[block]), significand: 1)
                let quantum = max(fromLargest, before)
                for index in elements {
                    let exact = step.reduce(0.0) { $0 + Double($1[index]) }
                    let error = abs(Double(run.sums[0][index]) - exact)
                    #expect(
                        error <= 36 * quantum / 2 + abs(exact) * 0x1p-23,
                        "seed \(seed), step \(number), element \(index)")
                }
            }
            scales = run.scales
        }
    }
}
