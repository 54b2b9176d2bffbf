/// Sums of float64 vectors in whose bits no order of addition shows, nor how the addends were dealt to workers.
///
/// Each number is cut into multiples of four fixed quanta, 2²⁰, 2⁻²⁰, 2⁻⁶⁰ and 2⁻¹⁰⁰, and each is summed by itself. Such
/// sums are exact in float64 for up to 8,192 addends below 2⁵⁰, so bins may be added in any order, also between workers.
/// What is below 2⁻¹⁰⁰ of an addend is rounded off; an addend of 2⁷⁰ or more, or one that is no number, makes its sum NaN.
///
/// Bins: Ahrens, Demmel and Nguyen, "Algorithms for efficient reproducible floating point summation", ACM TOMS 2020.
/// Theirs follow the magnitudes; fixed ones need no word of them in advance.
public struct BinnedSums {
    /// [4, count] float64; bins of several workers add up to those of all their addends.
    public let bins: Tensor
    public let count: Int

    private static let quanta = [0x1p20, 0x1p-20, 0x1p-60, 0x1p-100]
    private static let limit = 0x1p70

    /// Zeros.
    public init(count: Int) throws {
        self.count = count
        bins = try Tensor.zeros([Self.quanta.count, count], .float64)
    }

    /// Sums that were made elsewhere.
    ///
    /// - Parameter bins: [4, count] float64; shared, not copied.
    public init(bins: Tensor) throws {
        guard bins.dimensions == 2, bins.shape[0] == Self.quanta.count, bins.scalarType == .float64 else {
            throw TorchError("BinnedSums", [bins], reason: "expected float64 [\(Self.quanta.count), count]")
        }
        self.bins = bins
        count = bins.shape[1]
    }

    /// Adds a float64 vector to the elements from `offset` on.
    public func add(_ vector: Tensor, at offset: Int = 0) throws {
        guard vector.scalarType == .float64, offset >= 0, offset + vector.count <= count else {
            throw TorchError("BinnedSums.add", [vector], reason: "expected float64 within \(count) from \(offset) on")
        }
        try bins.withUnsafeMutableBytes { bins in
            let bins = bins.bindMemory(to: Double.self)
            try vector.contiguous().withUnsafeMutableBytes { values in
                for (index, value) in values.bindMemory(to: Double.self).enumerated() {
                    add(value, to: bins, at: offset + index)
                }
            }
        }
    }

    private func add(_ value: Double, to bins: UnsafeMutableBufferPointer<Double>, at index: Int) {
        guard value.magnitude < Self.limit else {
            bins[index] = .nan
            return
        }
        var rest = value
        for bin in 0..<Self.quanta.count {
            // Adding 1.5 · 2⁵² quanta leaves no bits below one quantum; taking them off again is exact.
            let magic = Self.quanta[bin] * 0x1.8p52
            let part = (rest + magic) - magic
            bins[bin * count + index] += part
            rest -= part
        }
    }

    /// The sums, float64 [count], each rounded from its bins.
    public func total() throws -> Tensor {
        var total = try bins.selected(dim: 0, index: Self.quanta.count - 1)
        for bin in (0..<Self.quanta.count - 1).reversed() { total = try total + bins.selected(dim: 0, index: bin) }
        return total
    }
}
