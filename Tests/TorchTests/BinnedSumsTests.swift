import Testing
import Torch

@Suite struct BinnedSumsTests {
    /// Numbers of all magnitudes between 2⁻⁶⁰ and 2⁶⁰, with pairs that cancel.
    private static let addends: [Double] = {
        var state: UInt64 = 1
        var numbers: [Double] = []
        for index in 0..<400 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let mantissa = Double(Int64(bitPattern: state) >> 12) / 0x1p51
            let scale = Double(sign: .plus, exponent: index % 121 - 60, significand: 1)
            numbers.append(mantissa * scale)
            if index % 3 == 0 { numbers.append(-mantissa * scale) }
        }
        return numbers
    }()

    private func sum(_ addends: [Double]) throws -> BinnedSums {
        let sums = try BinnedSums(count: 1)
        for addend in addends { try sums.add(Tensor([addend], shape: [1])) }
        return sums
    }

    @Test func noOrderAndNoDealingShows() throws {
        let forwards = try sum(Self.addends).total().doubles()
        let backwards = try sum(Self.addends.reversed()).total().doubles()
        #expect(forwards[0].bitPattern == backwards[0].bitPattern)
        #expect(Self.addends.reduce(0, +) != Self.addends.reversed().reduce(0, +), "float64 alone shows the order")
        for cut in [1, 100, 399] {
            let one = try sum(Array(Self.addends[..<cut]))
            let other = try sum(Array(Self.addends[cut...]))
            let both = try BinnedSums(bins: one.bins + other.bins).total().doubles()
            #expect(both[0].bitPattern == forwards[0].bitPattern, "cut at \(cut)")
        }
    }

    @Test func whatCancelsLeavesTheRestExact() throws {
        let small = [0x1p-90, 3 * 0x1p-70, 0x1.8p-30, 5]
        let large = [0x1p69, -0x1.8p60, 12345.678]
        let total = try sum(large + small + large.map { -$0 }).total().doubles()
        #expect(total == [small.reversed().reduce(0, +)])
    }

    @Test func whatIsNoNumberOrTooLargeIsNaN() throws {
        for bad in [Double.infinity, -.infinity, .nan, 0x1p70] {
            let sums = try BinnedSums(count: 3)
            try sums.add(Tensor([1, bad], shape: [2]), at: 1)
            try sums.add(Tensor([1.0, 1, 1], shape: [3]))
            let total = try sums.total().doubles()
            #expect(total[0] == 1 && total[1] == 2 && total[2].isNaN, "\(bad)")
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let sums = try BinnedSums(count: 2)
        #expect(throws: TorchError.self) { try sums.add(Tensor([1.0, 2], shape: [2]), at: 1) }
        #expect(throws: TorchError.self) { try sums.add(Tensor([Float(1)], shape: [1])) }
        #expect(throws: TorchError.self) { try BinnedSums(bins: Tensor.zeros([3, 2], .float64)) }
    }
}
