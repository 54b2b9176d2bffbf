/// Which parts of a bucket PowerSGD approximates, and where their factors lie.
struct LowRankPlan {
    struct Factor {
        let matrix: GradientLayout.Matrix
        /// Where its P [rank, rows] begins among all of them.
        let left: Int
        /// Where its Q [rank, columns] begins among all of them.
        let right: Int
    }

    let rank: Int
    let factors: [Factor]
    /// The elements of all P and of all Q.
    let leftCount: Int
    let rightCount: Int
    /// The stretches of the bucket that are summed as they are.
    let uncompressed: [Range<Int>]

    init(layout: GradientLayout, rank: Int) {
        self.rank = rank
        var factors: [Factor] = []
        var uncompressed: [Range<Int>] = []
        var left = 0
        var right = 0
        var end = 0
        for matrix in layout.matrices where Self.saves(matrix, rank: rank) {
            factors.append(Factor(matrix: matrix, left: left, right: right))
            left += matrix.rows * rank
            right += matrix.columns * rank
            if matrix.offset > end { uncompressed.append(end..<matrix.offset) }
            end = matrix.range.upperBound
        }
        if layout.count > end { uncompressed.append(end..<layout.count) }
        self.factors = factors
        self.uncompressed = uncompressed
        leftCount = left
        rightCount = right
    }

    var uncompressedCount: Int {
        uncompressed.reduce(0) { $0 + $1.count }
    }

    /// Whether both factors together are smaller. That implies that the rank is below both sizes.
    private static func saves(_ matrix: GradientLayout.Matrix, rank: Int) -> Bool {
        let (factors, overflow) = rank.multipliedReportingOverflow(by: matrix.rows + matrix.columns)
        return !overflow && factors < matrix.count
    }

    func gatherUncompressed(from values: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
        var place = packed
        for range in uncompressed {
            place.update(from: values + range.lowerBound, count: range.count)
            place += range.count
        }
    }

    func scatterUncompressed(from packed: UnsafePointer<Float>, into values: UnsafeMutablePointer<Float>) {
        var place = packed
        for range in uncompressed {
            (values + range.lowerBound).update(from: place, count: range.count)
            place += range.count
        }
    }
}
