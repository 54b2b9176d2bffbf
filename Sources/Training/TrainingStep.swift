import Collectives
import Contrastive
import Torch

/// One optimiser step over the global batch, as one rank sees it.
///
/// `gradients` fills the buckets with the gradients of the global loss, summed over all ranks; `update` applies them.
/// Nothing of the state changes before `update`.
struct TrainingStep {
    let state: TrainingState
    let assignment: SliceAssignment
    let communicator: Communicator
    /// Sums the gradients over the ranks.
    let exchange: any GradientExchange
    let batchNorm: BatchNormMode
    /// Whether no bit of the step may depend on the number of ranks.
    let isReproducible: Bool

    /// How batch norm takes its statistics.
    enum BatchNormMode {
        /// Over the global batch: a rank runs all its slices as one batch.
        case synchronized
        /// Over each slice alone, so that they do not depend on the number of ranks.
        case perSlice
    }

    /// Forward, loss, backward and the sum of gradients over ranks.
    ///
    /// The loss is taken in float64: the rows that a rank has together would otherwise show in the last bits of its
    /// gradients. See `docs/decisions/slice-arithmetic.md`.
    ///
    /// - Parameters:
    ///   - images: `[2n, C, H, W]`, all first views and then all second views of this rank's n images.
    ///   - recorder: collects the batch statistics for `update`.
    /// - Returns: this rank's share of the loss, and what the sum over ranks took here; nil with one rank.
    func gradients(
        of images: Tensor, recorder: RunningStatisticsRecorder, entered: (TrainingPhase) -> Void
    ) throws -> (lossShare: Double, times: ExchangeTimes?) {
        try state.gradients.zero()
        entered(.forward)
        let embeddings = try embed(images, recorder)
        entered(.loss)
        let loss = try GatheredNTXent(
            rows: assignment.shares, temperature: state.model.temperature, isReplicated: isReproducible
        ).loss(of: embeddings.converted(to: .float64), over: communicator)
        entered(.backward)
        state.gradients.beginExchange(through: exchange)
        try loss.backward()
        entered(.reduce)
        let times = try state.gradients.finishExchange()
        // A loss that all ranks have computed counts once.
        let share = isReproducible && communicator.rank > 0 ? 0 : try loss.detached().item()
        return (share, times)
    }

    /// Applies the gradients and the batch statistics.
    func update(recorder: RunningStatisticsRecorder, learningRate: Double) throws {
        let statistics = try recorder.packed()
        if batchNorm == .perSlice {
            try communicator.allReduceSum(statistics)
        }
        try withoutGradient {
            try state.optimizer.step(learningRate: learningRate)
            try recorder.commit(packed: statistics)
        }
        state.completedSteps += 1
    }

    /// ẑ `[2n, D]`, view-major like `images`.
    private func embed(_ images: Tensor, _ recorder: RunningStatisticsRecorder) throws -> Tensor {
        let slices = ownSlices
        let batches = try slices.map { try rows(of: $0, in: images) }
        let embedded: [Tensor]
        switch batchNorm {
        case .synchronized:
            let whole = try state.model.embed(
                Tensor.concatenated(batches, dim: 0).channelsLast(),
                mode: .training(context(recorder, batches.map { $0.shape[0] })))
            var start = 0
            embedded = try batches.map { batch in
                defer { start += batch.shape[0] }
                return try whole.narrowed(dim: 0, start: start, length: batch.shape[0])
            }
        case .perSlice:
            embedded = try batches.map {
                try state.model.embed($0.channelsLast(), mode: .training(context(recorder, [$0.shape[0]])))
            }
        }
        // Each slice's batch holds its first views and then its second ones.
        let first = try zip(slices, embedded).map { try $1.narrowed(dim: 0, start: 0, length: $0.count) }
        let second = try zip(slices, embedded).map { try $1.narrowed(dim: 0, start: $0.count, length: $0.count) }
        return try Tensor.concatenated(first + second, dim: 0)
    }

    private func context(_ recorder: RunningStatisticsRecorder, _ rows: [Int]) -> TrainingContext {
        var start = 0
        let ranges = rows.map { count in
            defer { start += count }
            return start..<start + count
        }
        let isShared = batchNorm == .synchronized && communicator.size > 1
        return TrainingContext(
            reduceStatistics: isShared ? { [communicator] in try communicator.allReduceSum($0) } : nil,
            recorder: recorder, slices: SlicedGradients(rows: ranges, accumulator: state.gradients),
            addsStatisticsExactly: isReproducible && batchNorm == .synchronized)
    }

    /// This rank's slices as positions among its own images.
    private var ownSlices: [Range<Int>] {
        let first = assignment.positions(of: communicator.rank).lowerBound
        return assignment.slices(of: communicator.rank).map { slice in
            let positions = assignment.positions(ofSlice: slice)
            return positions.lowerBound - first..<positions.upperBound - first
        }
    }

    /// Both views of a slice's images, `[2m, C, H, W]`, from the rank's view-major batch.
    private func rows(of slice: Range<Int>, in images: Tensor) throws -> Tensor {
        let own = images.shape[0] / 2
        return try Tensor.concatenated(
            [
                images.narrowed(dim: 0, start: slice.lowerBound, length: slice.count),
                images.narrowed(dim: 0, start: own + slice.lowerBound, length: slice.count),
            ], dim: 0)
    }
}
