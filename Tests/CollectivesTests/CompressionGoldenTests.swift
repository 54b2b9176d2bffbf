import Collectives
import Testing

/// Against numpy; Golden/make_compression.py has the formulas.
@Suite struct CompressionGoldenTests {
    private func compare(_ values: some Sequence<Float>, _ start: [UInt32], _ digest: UInt64) {
        let words = values.map(\.bitPattern)
        #expect(Array(words.prefix(start.count)) == start)
        let state = words.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        #expect(state == digest)
    }

    private func rounded(_ compression: GradientCompression) throws -> [Float] {
        try compressedSums(compression, ranks: 2, count: 65536) { rank, _ in
            (0..<65536 as Range<UInt32>).map { rank == 0 ? Float(bitPattern: $0 &* 0x9e37_79b1 &+ 0x12345) : 0 }
        }[1][0]
    }

    @Test func float16IsNumpys() throws {
        compare(try rounded(.float16), CompressionGolden.float16Start, CompressionGolden.float16Digest)
    }

    @Test func bfloat16IsThatOfExactFractions() throws {
        compare(try rounded(.bfloat16), CompressionGolden.bfloat16Start, CompressionGolden.bfloat16Digest)
    }

    @Test func blockwiseInt8IsNumpysStepAfterStep() throws {
        let sums = try compressedSums(.int8, ranks: 3, count: 1000, steps: 4) { rank, step in
            (0..<1000).map { index in
                let whole = (index * 7919 + rank * 104_729 + step * 1_299_709) % 2003 - 1001
                return Float(sign: .plus, exponent: index / 256 * 3 - 10, significand: Float(whole))
            }
        }
        compare(sums[2].joined(), CompressionGolden.int8Start, CompressionGolden.int8Digest)
    }

    /// The kernels on every float16 and bfloat16 number, the middles between two, and the floats next to those.
    @Test func allRoundingBoundariesAreHeld() throws {
        let samples = conversionSamples(seed: 22)
        for compression in [GradientCompression.float16, .bfloat16] {
            let sums = try compressedSums(compression, ranks: 2, count: samples.count) { rank, _ in
                rank == 0 ? samples : [Float](repeating: 0, count: samples.count)
            }[0][0]
            let wrong = zip(samples, sums).first { value, sum in
                let half = compression == .float16 ? Float(Float16(value)) : Float(BFloat16(value))
                let expected = half.isNaN ? Float.nan : half + 0
                return sum.bitPattern != expected.bitPattern
            }
            #expect(wrong == nil, "seed 22, \(compression)")
        }
    }
}
