/// A counter-based random generator: Philox 4×32 with ten rounds.
///
/// The stream is a pure function of a 64-bit key and a 64-bit stream number, so that a draw can depend on (seed, epoch,
/// sample, view) and on nothing else: no worker, thread or order of calls shows in it.
///
/// Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
public struct Philox: RandomNumberGenerator, Sendable {
    private let key: (UInt32, UInt32)
    private let stream: (UInt32, UInt32)
    private var block: UInt64 = 0
    private var lanes: SIMD4<UInt32> = .zero
    private var used = 4

    /// A generator for `stream` under `key`; both may be any value.
    public init(key: UInt64, stream: UInt64 = 0) {
        self.key = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        self.stream = (UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    }

    /// A generator whose key is mixed from `seed` and a path of labels, such as `[epoch, sample, view]`.
    ///
    /// Different paths, also of different lengths, give independent streams.
    public init(seed: UInt64, path: [UInt64]) {
        var key = SplitMix.mix(seed)
        for label in path {
            key = SplitMix.mix(key ^ SplitMix.mix(label &+ 0x6A09_E667_F3BC_C909))
        }
        self.init(key: key, stream: UInt64(path.count))
    }

    public mutating func next() -> UInt64 {
        let low = UInt64(nextWord())
        return low | UInt64(nextWord()) << 32
    }

    /// The next 32 random bits.
    public mutating func nextWord() -> UInt32 {
        if used == 4 {
            lanes = Self.bijection(
                SIMD4(
                    UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), stream.0, stream.1),
                key: key)
            block &+= 1
            used = 0
        }
        defer { used += 1 }
        return lanes[used]
    }

    /// Philox4x32-10 itself: four counter words to four random words.
    public static func bijection(_ counter: SIMD4<UInt32>, key: (UInt32, UInt32)) -> SIMD4<UInt32> {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let first = UInt64(0xD251_1F53) &* UInt64(c[0])
            let second = UInt64(0xCD9E_8D57) &* UInt64(c[2])
            c = SIMD4(
                UInt32(truncatingIfNeeded: second >> 32) ^ c[1] ^ k.0,
                UInt32(truncatingIfNeeded: second),
                UInt32(truncatingIfNeeded: first >> 32) ^ c[3] ^ k.1,
                UInt32(truncatingIfNeeded: first))
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }
}
