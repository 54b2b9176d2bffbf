/// What lies in a bucket of gradients: which of its elements are matrices.
public struct GradientLayout: Sendable, Equatable {
    /// A matrix of the bucket, `columns` consecutive elements a row. A convolution's weight [out, in, h, w] is one of
    /// `out` rows.
    public struct Matrix: Sendable, Equatable {
        public let rows: Int
        public let columns: Int
        /// The index of its first element in the bucket.
        public let offset: Int

        public init(rows: Int, columns: Int, offset: Int) {
            self.rows = rows
            self.columns = columns
            self.offset = offset
        }

        public var count: Int { rows * columns }
        var range: Range<Int> { offset..<offset + count }
    }

    /// The number of elements of the bucket.
    public let count: Int
    /// In the order of their offsets. Elements in none of them are vectors'.
    public let matrices: [Matrix]

    /// - Parameter matrices: in any order; they lie in `0..<count` and do not overlap.
    public init(count: Int, matrices: [Matrix] = []) {
        self.count = count
        self.matrices = matrices.sorted { $0.offset < $1.offset }
        var end = 0
        for matrix in self.matrices {
            precondition(matrix.rows >= 0 && matrix.columns >= 0, "a matrix has no negative sizes")
            precondition(matrix.offset >= end, "matrices of a bucket do not overlap")
            end = matrix.range.upperBound
        }
        precondition(end <= count, "matrices lie within their bucket")
    }
}
