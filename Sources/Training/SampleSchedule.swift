import Foundation
import ImagePipeline

/// Which samples a rank loads for each step: a pure function of seed, step and the rank's share.
///
/// `@unchecked Sendable`: loader threads ask for batches; `cached` is only touched under the lock.
final class SampleSchedule: @unchecked Sendable {
    private let plan: TrainingPlan
    private let order: SampleOrder
    private let share: Range<Int>
    private let last: Int
    private let lock = NSLock()
    private var cached: (epoch: Int, permutation: [Int32])?

    /// - Parameters:
    ///   - share: the rank's positions within every global batch.
    ///   - last: the last step to load for.
    init(plan: TrainingPlan, order: SampleOrder, share: Range<Int>, last: Int) {
        self.plan = plan
        self.order = order
        self.share = share
        self.last = last
    }

    /// The rank's samples of `step` (from 1), in sample order; nil past the last step.
    func request(step: Int) -> BatchRequest? {
        guard step <= last else { return nil }
        let epoch = plan.epoch(ofStep: step)
        let start = plan.positions(ofStep: step).lowerBound
        return lock.withLock {
            if cached?.epoch != epoch {
                cached = (epoch, order.permutation(epoch: epoch))
            }
            let own = start + share.lowerBound..<start + share.upperBound
            return BatchRequest(epoch: epoch, samples: Array(cached!.permutation[own]))
        }
    }
}
