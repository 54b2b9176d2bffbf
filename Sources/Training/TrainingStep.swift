import Collectives
import Contrastive
import Torch

/// The optimiser steps of a generation over the global batch, as one rank takes them.
///
/// `gradients` fills the buckets with the gradients of the global loss, summed over all ranks; `update` applies them.
/// What a repeated step would find changed changes in `update` only.
struct TrainingStep {
    let state: TrainingState
    let plan: TrainingPlan
    let communicator: Communicator
    /// Sums the gradients over the ranks.
    let exchange: any GradientExchange
    /// The learning rate of biases and norms at the peak over that of weights.
    let biasRate: Double
    private let arrangement: StepPass.SliceArrangement

    /// How many graphs a step may keep; nil: all.
    var budget: GraphBudget? { arrangement.budget }

    init(
        state: TrainingState, plan: TrainingPlan, assignment: SliceAssignment, communicator: Communicator,
        exchange: any GradientExchange, batchNorm: StepPass.BatchNormMode, isReproducible: Bool, biasRate: Double,
        seed: UInt64, budget: GraphBudget?
    ) {
        self.state = state
        self.plan = plan
        self.communicator = communicator
        self.exchange = exchange
        self.biasRate = biasRate
        let first = assignment.positions(of: communicator.rank).lowerBound
        arrangement = StepPass.SliceArrangement(
            batchNorm: batchNorm, isReproducible: isReproducible, communicator: communicator,
            workers: CommunicatingWorkers(rows: assignment.shares, over: communicator), accumulator: state.gradients,
            slices: assignment.slices(of: communicator.rank).map { slice in
                let positions = assignment.positions(ofSlice: slice)
                return positions.lowerBound - first..<positions.upperBound - first
            }, seed: seed, budget: budget)
    }

    /// Step `number` (from 1).
    ///
    /// - Parameter samples: the dataset's indices of all its images, in sample order.
    func begin(_ number: Int, samples: [Int], entered: @escaping (TrainingPhase) -> Void) throws -> StepPass {
        StepPass(
            step: number, plan: plan, samples: samples, arrangement: arrangement,
            recorder: try RunningStatisticsRecorder(state.method.batchNorms), entered: entered)
    }

    /// Forward, loss, backward and the sum of gradients over ranks.
    ///
    /// - Parameter views: this rank's n images by view, each `[n, C, H, W]`.
    /// - Returns: this rank's part of the loss, and what the sum over ranks took here; nil times with one rank.
    func gradients(
        of views: [Tensor], in pass: StepPass, entered: (TrainingPhase) -> Void
    ) throws -> (loss: MethodLoss, lossShare: Double, times: ExchangeTimes?) {
        try state.gradients.zero()
        let loss = try state.method.loss(of: views, in: pass)
        entered(.backward)
        // Gradients leave when no slice is left that would add to all of them.
        let beginExchange = { state.gradients.beginExchange(through: exchange) }
        if pass.replay == nil { beginExchange() }
        try loss.share.backward()
        try withoutGradient(pass.postponed.finish)
        try pass.replay?.replay(lastBegins: beginExchange)
        entered(.reduce)
        let times = try state.gradients.finishExchange()
        // A loss that all ranks have computed whole counts once.
        let counts = !arrangement.isReproducible || communicator.rank == 0
        return (loss, counts ? try loss.share.detached().item() : 0, times)
    }

    /// Applies the gradients and the batch statistics, and lets the method move on.
    func update(_ pass: StepPass, learningRate: Double) throws {
        let statistics = try pass.recorder.packed()
        if arrangement.batchNorm != .synchronized {
            try communicator.allReduceSum(statistics)
        }
        try withoutGradient {
            try state.optimizer.step { parameter in
                state.method.learningRate(
                    of: parameter, scheduled: parameter.kind == .weight ? learningRate : learningRate * biasRate,
                    in: pass)
            }
            try pass.recorder.commit(packed: statistics)
            try state.method.commit(pass)
        }
        state.completedSteps += 1
    }
}
