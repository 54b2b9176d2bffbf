/// The weights with which the samples along one axis of a crop make up the samples along the same axis of the result.
///
/// When shrinking, the filter is stretched by the factor, so every source sample counts: no aliasing. Positions are
/// centres: result sample i lies at crop start + (i + ½) · crop length / result length. This is PIL's `resize` and
/// torchvision's `resize(antialias=True)`.
final class AxisWeights {
    /// Samples of the result.
    private(set) var count = 0
    /// The most taps that any result sample has.
    private(set) var taps = 0
    /// The source samples that are used at all.
    private(set) var used = 0..<1
    /// For each result sample the first of its `taps` source samples, then the weights, `taps` for each, some of them 0.
    private let startTable = Table<Int>()
    private let weightTable = Scratch()
    private let line = Table<Double>()

    /// `count` positions in the source.
    var starts: UnsafePointer<Int> { UnsafePointer(startTable.reserve(count)) }
    /// `[count, taps]`.
    var weights: UnsafePointer<Float> { UnsafePointer(weightTable.reserve(count * taps)) }

    /// Fills the tables.
    ///
    /// - Parameters:
    ///   - start: Where the crop begins, in source samples.
    ///   - length: The crop's length, above 0.
    ///   - sourceCount: Samples of the source; only those inside the crop are used, those that it cuts included.
    ///   - count: Samples of the result.
    func prepare(start: Double, length: Double, sourceCount: Int, count: Int, resampling: Resampling) {
        let first = min(max(0, Int(start)), sourceCount - 1)
        let end = max(first + 1, min(sourceCount, Int((start + length).rounded(.up))))
        let scale = length / Double(count)
        let stretch = max(scale, 1)
        let support = (resampling == .bicubic ? 2 : 1) * stretch
        let taps = min(Int(support.rounded(.up)) * 2 + 1, end - first)
        self.count = count
        self.taps = taps
        used = first..<end
        let starts = startTable.reserve(count)
        let weights = weightTable.reserve(count * taps)
        let line = line.reserve(taps)
        let inverseStretch = 1 / stretch
        for index in 0..<count {
            let center = start + (Double(index) + 0.5) * scale
            // Conversion cuts towards zero, where both ends are then held inside the crop.
            let low = min(max(first, Int(center - support + 0.5)), end - 1)
            let high = min(max(low + 1, min(end, Int(center + support + 0.5))), low + taps)
            var sum = 0.0
            for tap in 0..<high - low {
                let distance = abs((Double(low + tap) - center + 0.5) * inverseStretch)
                let weight = resampling == .bicubic ? Self.cubic(distance) : max(0, 1 - distance)
                line[tap] = weight
                sum += weight
            }
            // All result samples have `taps` weights; near the end of the source the first of them are zeros.
            let begin = min(low, end - taps)
            starts[index] = begin
            let row = weights + index * taps
            for tap in 0..<taps { row[tap] = 0 }
            // The filters are positive near their middle, so the sum is 0 only for a crop outside the source.
            let factor = sum == 0 ? 0 : 1 / sum
            for tap in 0..<high - low { row[low - begin + tap] = Float(line[tap] * factor) }
        }
    }

    /// Keys' kernel with a = −0.5 at a distance ≥ 0.
    @inline(__always)
    private static func cubic(_ x: Double) -> Double {
        let a = -0.5
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
        return 0
    }
}
