import Foundation

/// The learning rate as a function of the step alone: linear warm-up, then `decay`.
///
/// Steps count from 0. During warm-up step s has base·(s + 1)/warmupSteps, so that no step has a rate of zero and the last
/// warm-up step has the base rate; the decay's own clock starts after it.
///
/// Source of the cosine: Loshchilov and Hutter, "SGDR", ICLR 2017, one period, as in SimCLR.
public struct LearningRateSchedule: Sendable, Equatable {
    public enum Decay: Sendable, Equatable {
        case constant
        /// Half a cosine from the base rate down to `final` at the last step's end.
        case cosine(final: Double)
        /// The base rate times `factor` for each of the `milestones` (steps counted from the start) that is reached.
        case steps(milestones: [Int], factor: Double)
    }

    public let base: Double
    public let warmupSteps: Int
    public let totalSteps: Int
    public let decay: Decay

    /// Throws `ContrastiveError` for a rate that is negative or not finite, or a count that is negative.
    public init(base: Double, warmupSteps: Int = 0, totalSteps: Int, decay: Decay = .cosine(final: 0)) throws {
        guard base >= 0, base.isFinite, warmupSteps >= 0, totalSteps >= 0 else {
            throw ContrastiveError(
                .value, in: "learning-rate schedule",
                "base \(base), \(warmupSteps) warm-up and \(totalSteps) total steps must be finite and at least 0")
        }
        self.base = base
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
        self.decay = decay
    }

    /// The rate of `step`; past the last step it stays where the decay ends.
    public func rate(at step: Int) -> Double {
        if step < warmupSteps { return base * Double(step + 1) / Double(warmupSteps) }
        switch decay {
        case .constant:
            return base
        case .cosine(let final):
            let length = max(1, totalSteps - warmupSteps)
            let progress = min(1, Double(step - warmupSteps) / Double(length))
            return final + (base - final) * (1 + cos(.pi * progress)) / 2
        case .steps(let milestones, let factor):
            let reached = milestones.filter { $0 <= step }.count
            return base * pow(factor, Double(reached))
        }
    }
}
