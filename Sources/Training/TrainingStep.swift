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
    let batchNorm: BatchNormMode

    /// How batch norm takes its statistics.
    enum BatchNormMode {
        /// Over the global batch: a rank runs all its slices as one batch.
        case synchronized
        /// Over each slice alone, so that they do not depend on the number of ranks.
        case perSlice
    }

    /// Forward, loss, backward and the sum of gradients over ranks.
    ///
    /// - Parameters:
    ///   - images: `[2n, C, H, W]`, all first views and then all second views of this rank's n images.
    ///   - recorder: collects the batch statistics for `update`.
    /// - Returns: this rank's share of the loss.
    func gradients(
        of images: Tensor, recorder: RunningStatisticsRecorder, entered: (TrainingPhase) -> Void
    ) throws -> Double {
        try state.gradients.zero()
        entered(.forward)
        let embeddings = try embed(images, recorder)
        entered(.loss)
        let loss = try GatheredNTXent(rows: assignment.shares, temperature: state.model.temperature)
            .loss(of: embeddings, over: communicator)
        entered(.backward)
        try loss.backward()
        entered(.reduce)
        try state.gradients.allReduce(over: communicator)
        return try loss.detached().item()
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

    private func embed(_ images: Tensor, _ recorder: RunningStatisticsRecorder) throws -> Tensor {
        switch batchNorm {
        case .synchronized:
            let context = TrainingContext(
                reduceStatistics: communicator.size > 1 ? { try communicator.allReduceSum($0) } : nil,
                recorder: recorder)
            return try state.model.embed(images, mode: .training(context))
        case .perSlice:
            return try embedSlices(images, TrainingContext(reduceStatistics: nil, recorder: recorder))
        }
    }

    /// Runs each slice's two views as a batch of their own and puts the rows back in view-major order.
    private func embedSlices(_ images: Tensor, _ context: TrainingContext) throws -> Tensor {
        let own = assignment.positions(of: communicator.rank)
        var first: [Tensor] = []
        var second: [Tensor] = []
        for slice in assignment.slices(of: communicator.rank) {
            let positions = assignment.positions(ofSlice: slice)
            let start = positions.lowerBound - own.lowerBound
            let views = try Tensor.concatenated(
                [
                    images.narrowed(dim: 0, start: start, length: positions.count),
                    images.narrowed(dim: 0, start: own.count + start, length: positions.count),
                ], dim: 0)
            let embedded = try state.model.embed(views, mode: .training(context))
            first.append(try embedded.narrowed(dim: 0, start: 0, length: positions.count))
            second.append(try embedded.narrowed(dim: 0, start: positions.count, length: positions.count))
        }
        return try Tensor.concatenated(first + second, dim: 0)
    }
}
