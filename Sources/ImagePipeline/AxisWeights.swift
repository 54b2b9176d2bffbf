import Glibc

/// The weights with which the samples along one axis of a crop make up the samples along the same axis of the result.
///
/// When shrinking, the filter is stretched by the factor, so every source sample counts: no aliasing. Positions are
/// centres: result sample i lies at crop start + (i + ½) · crop length / result length. This is PIL's `resize` and
/// torchvision's `resize(antialias=True)`.
final class AxisWeights {
    private(set) var count = 0
    /// The most taps that any result sample has; `weights` has this many for each, zeros after the last.
    private(set) var taps = 0
    /// For each result sample the first source sample that it uses.
    private(set) var starts: [Int] = []
    private(set) var weights: [Float] = []
    private var scratch: [Double] = []

    /// Fills the tables.
    ///
    /// - Parameters:
    ///   - start: Where the crop begins, in source samples.
    ///   - length: The crop's length, above 0.
    ///   - sourceCount: Samples of the source; only those inside the crop are used, those that it cuts included.
    ///   - count: Samples of the result.
    func prepare(start: Double, length: Double, sourceCount: Int, count: Int, resampling: Resampling) {
        let first = min(max(0, Int(start.rounded(.down))), sourceCount - 1)
        let end = max(first + 1, min(sourceCount, Int((start + length).rounded(.up))))
        let scale = length / Double(count)
        let stretch = max(scale, 1)
        let support = (resampling == .bicubic ? 2 : 1) * stretch
        let taps = min(Int(support.rounded(.up)) * 2 + 1, end - first)
        self.count = count
        self.taps = taps
        if starts.count < count { starts = Array(repeating: 0, count: count) }
        if weights.count < count * taps { weights = Array(repeating: 0, count: count * taps) }
        if scratch.count < taps { scratch = Array(repeating: 0, count: taps) }
        for index in 0..<count {
            let center = start + (Double(index) + 0.5) * scale
            let low = min(max(first, Int((center - support + 0.5).rounded(.down))), end - 1)
            let high = max(low + 1, min(end, Int((center + support + 0.5).rounded(.down))))
            let used = min(high - low, taps)
            var sum = 0.0
            for tap in 0..<used {
                let distance = abs((Double(low + tap) - center + 0.5) / stretch)
                let weight = resampling == .bicubic ? Self.cubic(distance) : max(0, 1 - distance)
                scratch[tap] = weight
                sum += weight
            }
            // Rows of `taps` weights that stay inside the source: shift the start where the end would pass it.
            let begin = min(low, end - taps)
            starts[index] = begin
            let lead = low - begin
            for tap in 0..<taps {
                let from = tap - lead
                weights[index * taps + tap] = from >= 0 && from < used && sum != 0 ? Float(scratch[from] / sum) : 0
            }
        }
    }

    /// Keys' kernel with a = −0.5 at a distance ≥ 0.
    private static func cubic(_ x: Double) -> Double {
        let a = -0.5
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
        return 0
    }
}
