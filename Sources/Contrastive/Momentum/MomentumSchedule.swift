import Foundation

/// How slowly a momentum network follows: m at each optimiser step.
public struct MomentumSchedule: Sendable, Equatable {
    /// m at the first step.
    public let base: Double
    /// m at the last step, reached along half a cosine; nil keeps `base`.
    public let final: Double?

    /// - Throws: `ContrastiveError` for a momentum outside 0…1.
    public init(base: Double, final: Double? = nil) throws {
        guard (0...1).contains(base), (0...1).contains(final ?? base) else {
            throw ContrastiveError(.value, in: "momentum schedule", "\(base) to \(final ?? base) must lie in 0…1")
        }
        self.base = base
        self.final = final
    }

    /// m(k) = final − (final − base)·(cos(πk/K) + 1)/2 for step k (from 0) of K.
    ///
    /// Source: Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020, section 3.3.
    public func momentum(at step: Int, of total: Int) -> Double {
        guard let final else { return base }
        let progress = min(1, Double(step) / Double(max(1, total)))
        return final - (final - base) * (cos(.pi * progress) + 1) / 2
    }
}
