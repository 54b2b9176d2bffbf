import Torch

/// How far two unit vectors of cosine s are.
public enum TripletDistance: String, CaseIterable, Sendable {
    /// ‖a − b‖ = √(2 − 2s). Its gradient at distance 0 is taken as 0.
    case euclidean
    /// ‖a − b‖² = 2 − 2s.
    case squared
    /// 1 − s.
    case cosine

    /// The distances of cosines, by element.
    func distances(_ cosines: Tensor) throws -> Tensor {
        switch self {
        case .euclidean:
            let squared = try 2 - 2 * cosines
            return try squared.maskedFilled(isZero(squared), 0).sqrt()
        case .squared: return try 2 - 2 * cosines
        case .cosine: return try 1 - cosines
        }
    }

    /// The derivatives of the distances by the cosines.
    func slopes(_ cosines: Tensor) throws -> Tensor {
        switch self {
        case .euclidean:
            let squared = try 2 - 2 * cosines
            return try -squared.rsqrt().maskedFilled(isZero(squared), 0)
        case .squared: return try Tensor.full(cosines.shape, -2, cosines.scalarType)
        case .cosine: return try Tensor.full(cosines.shape, -1, cosines.scalarType)
        }
    }

    /// Where a squared distance is no more than the rounding of a cosine near 1, to either side.
    private func isZero(_ squared: Tensor) throws -> Tensor {
        let rounding = 16 * (squared.scalarType == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne))
        return try (squared - rounding).relu().equal(Tensor.zeros([], squared.scalarType))
    }
}
