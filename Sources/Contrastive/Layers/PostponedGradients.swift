/// Gradients of weights that backward has left for the time in which it waits for other workers.
///
/// Backward needs the gradient of a layer's input at once, to go on, but that of its weight only when the step ends. A
/// normalisation over several workers, which comes next on the way back, waits for their sums; weights' gradients fill that
/// time, and make up for workers that come late to each other in turns.
///
/// Belongs to the thread that runs backward.
public final class PostponedGradients {
    /// How many layers may wait. Each keeps its input and the gradient of its output in memory, and holds up the buckets that
    /// leave after its gradient: with 2 and 3, steps were longer than with 1 (docs/overlap.md).
    package static let most = 1

    private var waiting: [() throws -> Void] = []

    public init() {}

    public var isEmpty: Bool { waiting.isEmpty }

    /// Leaves `work` for `doNext`; what has waited for longest is done now if too much waits.
    package func postpone(_ work: @escaping () throws -> Void) throws {
        waiting.append(work)
        if waiting.count > Self.most { try doNext() }
    }

    /// Does what has waited for longest.
    public func doNext() throws { try waiting.removeFirst()() }

    /// Does all that waits.
    public func finish() throws {
        while !isEmpty { try doNext() }
    }
}
