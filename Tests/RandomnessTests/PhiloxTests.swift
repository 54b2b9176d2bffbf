import Randomness
import Testing

@Suite("Philox")
struct PhiloxTests {
    // Known answers of Random123 (kat_vectors, philox4x32-10).
    @Test func agreesWithThePublishedKnownAnswers() {
        #expect(
            Philox.bijection(.zero, key: (0, 0))
                == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            Philox.bijection(SIMD4(repeating: .max), key: (.max, .max))
                == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            Philox.bijection(
                SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func aPathIsAPureFunctionOfItsLabels() {
        var first = Philox(seed: 7, path: [1, 2, 3])
        var again = Philox(seed: 7, path: [1, 2, 3])
        var other = Philox(seed: 7, path: [1, 2, 4])
        var shorter = Philox(seed: 7, path: [1, 2])
        let draw = first.next()
        #expect(draw == again.next())
        #expect(draw != other.next())
        #expect(draw != shorter.next())
    }

    @Test(arguments: [0, 1, 2, 17, 1000])
    func aPermutationHoldsEveryNumberOnce(count: Int) {
        var generator = Philox(key: 5)
        #expect(generator.permutation(of: count).sorted() == (0..<Int32(count)).map { $0 })
    }

    @Test func normalsHaveMeanZeroAndVarianceOne() {
        var generator = Philox(key: 11)
        let draws = (0..<100_000).map { _ in generator.normal() }
        let mean = draws.reduce(0, +) / Double(draws.count)
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws.count)
        #expect(abs(mean) < 0.02)
        #expect(abs(variance - 1) < 0.02)
    }
}
