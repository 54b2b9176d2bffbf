import ClusterTestKit
import Collectives
import Randomness
import Testing

/// The 16-bit element types against the compiler's own conversions and arithmetic.
@Suite struct HalfTests {
    /// Reduces `left` and `right` as two ranks of two hosts and of one do, and gives what all ended with.
    private func reduce<T: TestElement>(_ left: [T], _ right: [T], _ operation: ReductionOperation) throws -> [T] {
        let results = try [[0, 1], [0, 0]].flatMap { hosts -> [[T]] in
            try withRanks(2, hosts: hosts) { communicator in
                var values = communicator.rank == 0 ? left : right
                try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, operation) }
                return values
            }
        }
        #expect(Set(results.map { digest($0) }).count == 1, "\(T.self) \(operation)")
        return results[0]
    }

    /// Every pattern, once with its like at a distance that is near, far, or of the other sign.
    static let partners: [UInt16] = [0, 1, 7, 0x0400, 0x1234, 0x7fff, 0x8000, 0x8001]

    @Test(arguments: partners)
    func everyFloat16IsAddedAndComparedWithOneRounding(distance: UInt16) throws {
        let left = (0...UInt16.max).map { Float16(bitPattern: $0) }
        let right = left.map { Float16(bitPattern: $0.bitPattern ^ distance) }
        let sums = try reduce(left, right, .sum)
        let maxima = try reduce(left, right, .max)
        let wrong = left.indices.first { index in
            let (a, b) = (Float(left[index]), Float(right[index]))
            // In float64 the sum is exact: it is rounded once.
            return sums[index].bitPattern != canonical(Float16(Double(a) + Double(b)))
                || maxima[index].bitPattern != canonical(Float16(larger(a, b)))
        }
        #expect(wrong == nil)
    }

    @Test(arguments: partners)
    func everyBFloat16IsAddedAndComparedWithOneRounding(distance: UInt16) throws {
        let left = (0...UInt16.max).map { BFloat16(bitPattern: $0) }
        let right = left.map { BFloat16(bitPattern: $0.bitPattern ^ distance) }
        let sums = try reduce(left, right, .sum)
        let maxima = try reduce(left, right, .max)
        let wrong = left.indices.first { index in
            let (a, b) = (Float(left[index]), Float(right[index]))
            return sums[index].bitPattern != nearestBFloat16(a + b)
                || maxima[index].bitPattern != nearestBFloat16(larger(a, b))
        }
        #expect(wrong == nil)
    }

    @Test func floatsAreRoundedToTheNearestBFloat16AndTiesToEven() {
        let wrong = conversionSamples(seed: 21).first { BFloat16($0).bitPattern != nearestBFloat16($0) }
        #expect(wrong == nil, "seed 21")
    }

    private func canonical(_ half: Float16) -> UInt16 {
        half.isNaN ? 0x7e00 : half.bitPattern
    }

    private func larger(_ a: Float, _ b: Float) -> Float {
        if a.isNaN || b.isNaN { return .nan }
        if a == b { return a.sign == .minus && b.sign == .plus ? b : a }
        return a > b ? a : b
    }
}

/// Floats at which rounding to 16 bits is at its most delicate, and random bits.
func conversionSamples(seed: UInt64) -> [Float] {
    var random = Philox(seed: seed, path: [])
    var samples = (0..<20_000).map { _ in Float(bitPattern: random.nextWord()) }
    for pattern in 0...UInt16.max {
        // Both formats' numbers, the middles between two of them, and the floats next to either.
        let half = Float(Float16(bitPattern: pattern))
        let next = Float(Float16(bitPattern: pattern &+ 1))
        let middle = half + (next - half) / 2
        samples += [half, half.nextUp, middle, middle.nextUp, middle.nextDown]
        let upper = UInt32(pattern) << 16
        samples += [0, 1, 0x7fff, 0x8000, 0x8001].map { Float(bitPattern: upper | $0) }
    }
    return samples
}

/// By comparing distances to the two neighbours, unlike what is tested.
func nearestBFloat16(_ value: Float) -> UInt16 {
    guard !value.isNaN else { return 0x7fc0 }
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let below = UInt16(value.magnitude.bitPattern >> 16)
    guard below < 0x7f80 else { return sign | below }
    // What is beyond the largest number rounds as if there were one more.
    let above = below + 1 == 0x7f80 ? 0x1p128 : Double(Float(bitPattern: UInt32(below + 1) << 16))
    let down = Double(value.magnitude) - Double(Float(bitPattern: UInt32(below) << 16))
    let up = above - Double(value.magnitude)
    return sign | (down < up || (down == up && below % 2 == 0) ? below : below + 1)
}
