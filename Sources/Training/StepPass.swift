import Collectives
import Contrastive
import Randomness
import Torch

/// One step of one rank as its method sees it: runs views through networks in slices.
///
/// In a reproducible run every rank computes the method's loss whole: `forward` gives the rows of all ranks, and the method
/// sees one worker that has them all. So nothing but the networks' slices is dealt, and no bit depends on the dealing.
final class StepPass: MethodStep {
    let workers: any Workers
    let number: Int
    let total: Int
    let epoch: Int
    let samples: [Int]
    let recorder: RunningStatisticsRecorder
    /// Slices to be run again when backward is through; nil where all graphs are kept.
    let replay: SliceReplay?
    /// Gradients that backward leaves for its waits; nothing is left in it outside of backward.
    let postponed = PostponedGradients()
    private let arrangement: SliceArrangement
    private let entered: (TrainingPhase) -> Void

    /// What is the same in all steps of a generation.
    struct SliceArrangement {
        let batchNorm: BatchNormMode
        /// Whether no bit of the step may depend on the number of ranks.
        let isReproducible: Bool
        let communicator: Communicator
        let workers: CommunicatingWorkers
        let accumulator: any GradientAccumulator
        /// This rank's slices as ranges of its own images.
        let slices: [Range<Int>]
        let seed: UInt64
        /// Nil: all graphs are kept.
        let budget: GraphBudget?
    }

    /// How batch norm takes its statistics.
    enum BatchNormMode {
        /// Over the global batch: a rank runs all its slices as one batch.
        case synchronized
        /// Over each slice alone, so that they do not depend on the number of ranks.
        case perSlice
        /// Over each slice alone; passes that ask for it have the images dealt anew over all slices.
        case shuffled
    }

    init(
        step: Int, plan: TrainingPlan, samples: [Int], arrangement: SliceArrangement,
        recorder: RunningStatisticsRecorder, entered: @escaping (TrainingPhase) -> Void
    ) {
        number = step - 1
        total = plan.totalSteps
        epoch = plan.epoch(ofStep: step)
        self.samples = samples
        workers = arrangement.isReproducible ? OneWorker(images: plan.globalBatch) : arrangement.workers
        self.arrangement = arrangement
        replay = arrangement.budget.map(SliceReplay.init)
        self.recorder = recorder
        self.entered = entered
    }

    func forward(
        _ views: [Tensor], shuffled: Bool, _ network: @escaping (Tensor, ForwardMode) throws -> [Tensor]
    ) throws -> [[Tensor]] {
        entered(.forward)
        defer { entered(.loss) }
        let isDealtAnew = shuffled && arrangement.batchNorm == .shuffled
        let own = try isDealtAnew ? dealtAnew(views, network) : inSlices(views, network)
        guard arrangement.isReproducible else { return own }
        let (communicator, rows) = (arrangement.communicator, arrangement.workers.rows)
        return try own.map { outputs in
            try outputs.map { try communicator.gatherRowsReplicated($0, rows: rows) }
        }
    }

    /// The images of all ranks in another order over the same slices, and the results back in sample order.
    ///
    /// The order is a pure function of seed and step.
    private func dealtAnew(
        _ views: [Tensor], _ network: @escaping (Tensor, ForwardMode) throws -> [Tensor]
    ) throws -> [[Tensor]] {
        let workers = arrangement.workers
        var stream = Philox(seed: arrangement.seed, path: [Self.shuffleTag, UInt64(number)])
        let order = stream.permutation(of: workers.imageCount).map { Int64($0) }
        var place = [Int64](repeating: 0, count: order.count)
        for (position, image) in order.enumerated() { place[Int(image)] = Int64(position) }
        func select(_ all: Tensor, _ indices: [Int64]) throws -> Tensor {
            let own = Array(indices[workers.ownRows])
            return try all.indexSelected(dim: 0, indices: Tensor(own, shape: [own.count]))
        }
        let dealt = try views.map { try select(workers.gather($0.contiguous()), order) }
        return try inSlices(dealt, network).map { outputs in
            try outputs.map { try select(workers.gather($0), place) }
        }
    }

    private static let shuffleTag: UInt64 = 0x7368_7566_66

    private func inSlices(
        _ views: [Tensor], _ network: @escaping (Tensor, ForwardMode) throws -> [Tensor]
    ) throws -> [[Tensor]] {
        let slices = arrangement.slices
        // A slice's batch holds its images' first views, then their second ones, and so on.
        let batches = try slices.map { slice in
            try views.map { try $0.narrowed(dim: 0, start: slice.lowerBound, length: slice.count) }
        }
        let heights = slices.map { views.count * $0.count }
        var outputs: [[Tensor]] = []
        switch arrangement.batchNorm {
        case .synchronized:
            let whole = try network(
                Tensor.concatenated(batches.flatMap { $0 }, dim: 0).channelsLast(),
                .training(arrangement.context(heights, recorder, postponed)))
            var start = 0
            for height in heights {
                outputs.append(try whole.map { try $0.narrowed(dim: 0, start: start, length: height) })
                start += height
            }
        case .perSlice, .shuffled:
            // What waits to be run again must not hold this pass, which holds it: a step that is broken off would stay.
            let arrangement = arrangement
            let replay = TorchRuntime.isRecording ? replay : nil
            replay?.beginCall()
            outputs = try zip(batches, heights).map { batch, height in
                let run: SliceReplay.Run = { recorder in
                    try network(
                        Tensor.concatenated(batch, dim: 0).channelsLast(),
                        .training(arrangement.context([height], recorder)))
                }
                return try replay?.embed(recorder: recorder, run) ?? run(recorder)
            }
        }
        return try views.indices.map { view in
            try (outputs.first ?? []).indices.map { output in
                try Tensor.concatenated(
                    zip(slices, outputs).map { slice, ofSlice in
                        try ofSlice[output].narrowed(dim: 0, start: view * slice.count, length: slice.count)
                    }, dim: 0)
            }
        }
    }
}

extension StepPass.SliceArrangement {
    /// - Parameters:
    ///   - heights: rows of each slice of the batch.
    ///   - postponed: takes what backward may do while it waits for statistics; nil where it waits for none.
    fileprivate func context(
        _ heights: [Int], _ recorder: RunningStatisticsRecorder?, _ postponed: PostponedGradients? = nil
    ) -> TrainingContext {
        var start = 0
        let ranges = heights.map { height in
            defer { start += height }
            return start..<start + height
        }
        let communicator = communicator
        let isShared = batchNorm == .synchronized && communicator.size > 1
        let postponed = isShared ? postponed : nil
        return TrainingContext(
            reduceStatistics: isShared
                ? { try communicator.allReduceSum($0, meanwhile: postponed) } : nil,
            recorder: recorder,
            slices: SlicedGradients(rows: ranges, accumulator: accumulator, postponed: postponed),
            addsStatisticsExactly: isReproducible && batchNorm == .synchronized)
    }
}

extension PostponedGradients: SpareWork {}
