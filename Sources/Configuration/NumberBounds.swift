/// The finite numbers that a key allows.
struct NumberBounds: Sendable, CustomStringConvertible {
    private let lower: Double
    private let upper: Double
    private let includesLower: Bool
    private let includesUpper: Bool

    static func atLeast(_ lower: Double) -> Self {
        Self(lower: lower, upper: .infinity, includesLower: true, includesUpper: false)
    }

    static func above(_ lower: Double) -> Self {
        Self(lower: lower, upper: .infinity, includesLower: false, includesUpper: false)
    }

    static func within(_ range: ClosedRange<Double>) -> Self {
        Self(lower: range.lowerBound, upper: range.upperBound, includesLower: true, includesUpper: true)
    }

    static func within(_ range: Range<Double>) -> Self {
        Self(lower: range.lowerBound, upper: range.upperBound, includesLower: true, includesUpper: false)
    }

    /// Greater than `lower`, at most `upper`.
    static func above(_ lower: Double, through upper: Double) -> Self {
        Self(lower: lower, upper: upper, includesLower: false, includesUpper: true)
    }

    func contains(_ value: Double) -> Bool {
        value.isFinite && (includesLower ? value >= lower : value > lower)
            && (includesUpper ? value <= upper : value < upper)
    }

    var description: String {
        let low = ConfigurationKey.text(of: lower)
        if upper == .infinity { return includesLower ? "a number, \(low) or more" : "a number above \(low)" }
        let high = ConfigurationKey.text(of: upper)
        return "a number " + (includesLower ? "from \(low)" : "above \(low)")
            + (includesUpper ? " to \(high)" : ", below \(high)")
    }
}
