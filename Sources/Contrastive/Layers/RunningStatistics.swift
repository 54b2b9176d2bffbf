import Torch

/// Collects the batch statistics of every normalisation in a model during the passes of one optimiser step, and folds
/// their average into the running statistics once, when the step is certain.
///
/// - With statistics over the global batch every worker has recorded the same numbers: `commit(packed())` as it is.
/// - With statistics per slice the passes of all workers count alike: sum `packed()` over the workers and commit the
///   sum. The running statistics are then the average over all slices of the step, however they were dealt.
///
/// The sums are `BinnedSums`, so that neither the order of the passes nor their dealing to workers shows in their bits.
///
/// A step that is aborted calls `reset()`; nothing of it remains. Not for use from several threads at once.
public final class RunningStatisticsRecorder {
    private let norms: [BatchNorm]
    /// Where a normalisation's numbers begin in the packed vector: its mean [C], its unbiased variance [C], its passes.
    private var offsets: [ObjectIdentifier: Int] = [:]
    private let sums: BinnedSums

    /// A recorder for all normalisations of `model`.
    public convenience init(of model: some Layer) throws {
        try self.init(model.batchNorms)
    }

    /// A recorder for `norms`, packed in this order.
    public init(_ norms: [BatchNorm]) throws {
        self.norms = norms
        var next = 0
        for norm in norms {
            offsets[ObjectIdentifier(norm)] = next
            next += 2 * norm.channels + 1
        }
        sums = try BinnedSums(count: next)
    }

    /// Adds one pass of `norm`: `mean` and biased `variance` [C] in float64 over `count` values per channel.
    ///
    /// A normalisation that is not one of the recorder's is passed over. Throws where `count` is below 2: no unbiased
    /// variance exists then.
    func record(_ norm: BatchNorm, mean: Tensor, variance: Tensor, count: Double) throws {
        guard let offset = offsets[ObjectIdentifier(norm)] else { return }
        guard count >= 2 else {
            throw ContrastiveError(
                .value, in: "batch normalisation",
                "training needs at least 2 values per channel, but the batch has \(Int(count)); use a larger batch")
        }
        try withoutGradient {
            try sums.add(mean, at: offset)
            try sums.add(variance * (count / (count - 1)), at: offset + norm.channels)
            try sums.add(Tensor([1.0], shape: [1]), at: offset + 2 * norm.channels)
        }
    }

    /// What was recorded since the last commit, as the bins [4, length] of one vector: for each normalisation the sum
    /// over its passes of the mean [C] and of the unbiased variance [C], then the number of passes.
    public func packed() throws -> Tensor {
        try withoutGradient { try sums.bins.cloned() }
    }

    /// Moves the running statistics towards the averages in `packed` (this recorder's, or its sum over the workers):
    /// running ← (1 − momentum)·running + momentum·average, once per optimiser step, and forgets what was recorded.
    ///
    /// A normalisation without a pass keeps its running statistics.
    public func commit(packed: Tensor, momentum: Double = 0.1) throws {
        guard packed.shape == sums.bins.shape, packed.scalarType == .float64 else {
            throw ContrastiveError(
                .shape, in: "running statistics",
                "packed statistics are \(packed.scalarType) \(packed.shape), this model needs float64 \(sums.bins.shape)"
            )
        }
        try withoutGradient {
            let packed = try BinnedSums(bins: packed).total()
            for norm in norms {
                let offset = offsets[ObjectIdentifier(norm), default: 0]
                let channels = norm.channels
                let count = try packed.selected(dim: 0, index: offset + 2 * channels).item()
                guard count > 0 else { continue }
                try Self.move(
                    norm.runningMean, towards: packed.narrowed(dim: 0, start: offset, length: channels),
                    over: count, momentum)
                try Self.move(
                    norm.runningVariance,
                    towards: packed.narrowed(dim: 0, start: offset + channels, length: channels), over: count, momentum)
                try norm.batchesTracked.addInPlace(Tensor.ones([], .int64))
            }
        }
        try reset()
    }

    /// Forgets what was recorded since the last commit.
    public func reset() throws {
        try withoutGradient { try sums.bins.zeroInPlace() }
    }

    private static func move(_ running: Tensor, towards sum: Tensor, over count: Double, _ momentum: Double) throws {
        let moved = try running.converted(to: .float64) * (1 - momentum)
        try moved.addInPlace(sum, scale: momentum / count)
        try running.copyInPlace(from: moved)
    }
}
