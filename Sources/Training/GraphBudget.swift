import Torch

/// How many slices of a step may keep their graphs, so that a worker stays within its memory.
///
/// A slice's graph is measured in the first step, call by call (a method may run several networks over a slice). What
/// else a worker holds is what the process holds when the first forward begins, the batches still to be loaded, and room
/// for the loss and for one slice in backward. Which graphs are kept shows in no bit of the result.
package final class GraphBudget {
    /// Bytes that the worker may hold.
    private let total: Int
    /// Bytes of the batches that are loaded ahead.
    private let ahead: Int
    private let resident: () -> Int
    /// The process' bytes when the first forward began; nil before.
    private var atStart: Int?
    /// Bytes of a slice's graph, by call of the step.
    private var graphs: [Int: Int] = [:]
    private var hasWarned = false

    /// Room for what the loss holds at its largest, besides embeddings.
    private static let loss = 64 << 20

    /// - Parameter resident: the process' bytes now.
    package init(total: Int, ahead: Int, resident: @escaping () -> Int = { SystemMemory.resident }) {
        self.total = total
        self.ahead = ahead
        self.resident = resident
    }

    /// Whether the graph of a slice in the step's forward `call` is kept, beside `kept` bytes of others; nil: it is to be
    /// measured.
    package func keeps(call: Int, kept: Int) -> Bool? {
        if atStart == nil { atStart = resident() }
        guard let bytes = graphs[call] else { return nil }
        return kept + bytes <= available
    }

    /// How many of a step's slices keep their graphs, where one slice's takes `graph` bytes.
    func count(ofSlices slices: Int, graph: Int) -> Int {
        measured(graph, call: 1)
        return (0..<slices).first { keeps(call: 1, kept: $0 * bytes(call: 1)) == false } ?? slices
    }

    /// The tensors of a slice's graph in forward `call` take so many bytes. A quarter more stands for what the
    /// allocator loses between them; it was 23 % where it was looked at (a ResNet-18 of a quarter of its width).
    package func measured(_ bytes: Int, call: Int) { graphs[call] = max(graphs[call] ?? 0, bytes * 5 / 4) }

    func bytes(call: Int) -> Int { graphs[call] ?? 0 }

    /// What is left for graphs that are kept.
    private var available: Int { total - needed }

    /// What a worker needs with no graph kept: one slice's graph while backward goes through it, and its gradients.
    private var needed: Int { (atStart ?? 0) + ahead + Self.loss + (graphs.values.max() ?? 0) * 3 / 2 }

    /// Says once that the budget is less than what one slice at a time needs.
    package func warning() -> String? {
        guard !graphs.isEmpty, needed > total, !hasWarned else { return nil }
        hasWarned = true
        return
            "memory_budget is \(total >> 20) MiB, but a worker needs about \(needed >> 20) MiB with one slice's graph at a "
            + "time: lower slice_size or loader.prefetch, or add workers"
    }
}
