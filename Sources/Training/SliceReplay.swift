import Contrastive
import Torch

/// The slices of a step whose graphs are not kept: embedded without one, and run again with their embeddings' gradients
/// when the loss's backward is through (gradient caching).
///
/// A network's output is a function of its input and parameters alone, so the second run gives the same embeddings, and
/// the slices' gradients are the same numbers as with their graphs kept.
///
/// Source: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021.
final class SliceReplay {
    /// Images of a slice → the network's outputs; the recorder takes its batch statistics.
    typealias Run = (RunningStatisticsRecorder?) throws -> [Tensor]

    private struct Waiting {
        let run: Run
        /// The outputs, which collect their gradients.
        let outputs: [Tensor]
    }

    private let budget: GraphBudget
    private var waiting: [Waiting] = []
    /// Forward calls of the step so far.
    private var calls = 0
    /// Bytes of the graphs that are kept.
    private var kept = 0

    init(_ budget: GraphBudget) { self.budget = budget }

    /// The step runs another network over its slices.
    func beginCall() { calls += 1 }

    /// The outputs of a slice: with its graph where that fits, else without.
    func embed(recorder: RunningStatisticsRecorder, _ run: @escaping Run) throws -> [Tensor] {
        switch budget.keeps(call: calls, kept: kept) {
        case nil:
            let before = TensorMemory.bytes
            let outputs = try run(recorder)
            budget.measured(TensorMemory.bytes - before, call: calls)
            kept += budget.bytes(call: calls)
            return outputs
        case true?:
            kept += budget.bytes(call: calls)
            return try run(recorder)
        case false?:
            let outputs = try withoutGradient { try run(recorder) }
            for output in outputs { try output.setRequiresGradient(true) }
            waiting.append(Waiting(run: run, outputs: outputs))
            return outputs
        }
    }

    /// Runs the slices again, and their gradients through them.
    ///
    /// - Parameter lastBegins: called once, when no other forward is to come.
    func replay(lastBegins: () -> Void) throws {
        defer { waiting = [] }
        let slices = waiting.filter { slice in slice.outputs.contains { $0.gradient != nil } }
        for (index, slice) in slices.enumerated() {
            let outputs = try slice.run(nil)
            if index == slices.count - 1 { lastBegins() }
            // An output that has no graph now had none for its gradient to go to.
            let pairs = zip(outputs, slice.outputs).compactMap { output, leaf in
                output.requiresGradient ? leaf.gradient.map { (output, $0) } : nil
            }
            try Tensor.backward(pairs.map(\.0), gradients: pairs.map(\.1))
        }
        if slices.isEmpty { lastBegins() }
    }
}
