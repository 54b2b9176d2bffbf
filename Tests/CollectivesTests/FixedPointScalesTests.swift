import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct FixedPointScalesTests {
    @Test(arguments: 0..<UInt64(40))
    func anExponentIsTheSmallestWithWhichAllSumsFitAndHeadroom(seed: UInt64) {
        var random = Philox(seed: seed, path: [])
        for _ in 0..<500 {
            // Often a power of two or one less, where limits lie.
            let addends = max(1, (1 << random.below(21)) - random.below(2))
            let headroom = random.below(5)
            let significand: Float =
                random.chance(0.3) ? 1 : random.chance(0.3) ? Float(2).nextDown : 1 + random.uniform()
            let value = Float(sign: .plus, exponent: random.below(254) - 126, significand: significand)
            var scales = FixedPointScales(count: 1, addends: addends, headroomBits: headroom)
            #expect(scales.fit([Int32(bitPattern: value.bitPattern)]) == 1)
            let exponent = Int(scales.exponents[0])
            let quanta = Double(value) * Double(sign: .plus, exponent: -exponent, significand: 1)
            #expect(quanta.rounded() * Double(addends) <= Double(Int32.max), "seed \(seed), \(value), \(addends)")
            // Unless it is the finest or the coarsest: one less would use the headroom up.
            if exponent > -125 && exponent < 126 {
                let finer = quanta * Double(sign: .plus, exponent: headroom + 1, significand: 1)
                #expect(
                    finer * Double(addends) > Double(Int32.max) * (1 - 0x1p-10), "seed \(seed), \(value), \(addends)")
            }
            var again = scales
            #expect(again.fit([Int32(bitPattern: value.bitPattern)]) == 0 && again == scales)
        }
    }

    @Test(arguments: [1, 2, 3, 36, 64, 255, 1024])
    func asManyAddendsAsThereMayBeDoNotWrap(addends: Int) throws {
        var random = Philox(seed: 51, path: [UInt64(addends)])
        for _ in 0..<20 {
            let value = Float(sign: .minus, exponent: random.below(60) - 30, significand: 1 + random.uniform())
            let scales = FixedPointScales(count: 3, addends: addends, headroomBits: 0)
            let step = Array(repeating: [value, -value, Float(2).nextDown * value], count: addends)
            let sums = try accumulateAlone([step], from: scales).sums[0]
            for (sum, addend) in zip(sums, step[0]) {
                let exact = Double(addend) * Double(addends)
                #expect(
                    abs(Double(sum) - exact) <= abs(exact) * (Double(addends) * 0x1p-29 + 0x1p-23), "seed 51, \(value)")
            }
        }
    }

    @Test func savedScalesGoOnWithTheSameBits() throws {
        let steps = (0..<2).map { unevenAddends(seed: 41 &+ $0, addends: 3, count: 2000) }
        let scales = FixedPointScales(count: 2000, addends: 3)
        let through = try accumulateAlone(steps, from: scales)
        let first = try accumulateAlone([steps[0]], from: scales)
        let saved = try FixedPointScales(exponents: first.scales.exponents, count: 2000, addends: 3)
        #expect(try accumulateAlone([steps[1]], from: saved).bits[0] == through.bits[1])
        #expect(throws: CollectiveError.self) { try FixedPointScales(exponents: [0, 127], count: 2000, addends: 3) }
        #expect(throws: CollectiveError.self) { try FixedPointScales(exponents: [0], count: 2000, addends: 3) }
    }

    @Test func ranksWithDifferentScalesAreAnErrorOnAllOfThem() {
        for ranks in [2, 3] {
            let outcomes = InMemoryNetwork(size: ranks).run { link in
                var scales = FixedPointScales(count: 5, addends: 4, headroomBits: link.rank == 1 ? 2 : 3)
                var buffer: [Float] = [1, 2, 3, 4, 5]
                try buffer.withUnsafeMutableBufferPointer {
                    try Communicator(link: link).allReduceOrderFree($0, scales: &scales)
                }
            }
            for outcome in outcomes {
                #expect(throws: CollectiveError.self) { try outcome.get() }
            }
        }
    }

    @Test func moreRanksThanAddendsAreAnError() {
        let outcomes = InMemoryNetwork(size: 3).run { link in
            let accumulator = OrderFreeAccumulator(scales: FixedPointScales(count: 5, addends: 2))
            return try accumulator.allReduce(over: Communicator(link: link))
        }
        for outcome in outcomes {
            #expect(throws: CollectiveError.self) { try outcome.get() }
        }
    }
}
