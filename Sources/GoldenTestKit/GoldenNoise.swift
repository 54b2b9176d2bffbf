/// shift + scale · u over the elements i in row-major order, u in [−1, 1) a hash of i and `seed`, as `noise` in
/// `Tests/ContrastiveTests/Golden/formulas.py`.
///
/// - Parameter count: of elements, below 2³².
public func goldenNoise(count: Int, seed: Int, scale: Double = 1, shift: Double = 0) -> [Double] {
    (0..<count).map { i in
        var h = UInt32(truncatingIfNeeded: (i + 1) * 2_654_435_761 + seed * 40503)
        for _ in 0..<2 { h = (h ^ (h >> 16)) &* 2_246_822_519 }
        h ^= h >> 13
        return shift + scale * (Double(h) / 0x1p31 - 1)
    }
}
