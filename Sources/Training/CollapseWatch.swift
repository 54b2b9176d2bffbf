import Collectives
import Contrastive
import Torch

/// Looks at a run's embeddings now and then, and tells when they no longer tell images apart.
struct CollapseWatch {
    /// Steps between two looks; 0: never.
    let interval: Int
    /// The most images to look at; more would cost time and say the same.
    static let mostImages = 512
    private var hasWarned = false

    init(interval: Int) { self.interval = interval }

    func isDue(step: Int, of total: Int) -> Bool { interval > 0 && (step % interval == 0 || step == total) }

    /// All ranks call it; rank 0 gets the statistics.
    func statistics(of embeddings: [Tensor], over workers: any Workers) throws -> EmbeddingStatistics? {
        guard embeddings.count == 2, workers.imageCount >= 2 else { return nil }
        let all = try embeddings.map { view in
            let rows = try workers.gather(view.detached())
            return try rows.narrowed(dim: 0, start: 0, length: min(rows.shape[0], Self.mostImages))
        }
        guard workers.rank == 0 else { return nil }
        return try EmbeddingStatistics(all[0], all[1])
    }

    /// What to tell the user, once when embeddings collapse and again after they had recovered.
    mutating func warning(_ statistics: EmbeddingStatistics, step: Int) -> String? {
        defer { hasWarned = statistics.isCollapsed }
        guard statistics.isCollapsed, !hasWarned else { return nil }
        let deviation = String(rounding: statistics.deviation)
        let rank = String(rounding: statistics.effectiveRank)
        return
            "features collapse: at step \(step) the embeddings' deviation is \(deviation) (1 is spread, 0 is one point), "
            + "their effective rank \(rank); lower optimizer.lr, lengthen the warm-up, or check predictor and target"
    }
}

extension String {
    /// Three decimals.
    fileprivate init(rounding value: Double) {
        let thousandths = Int((value * 1000).rounded())
        let fraction = "\(thousandths % 1000)"
        self = "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
