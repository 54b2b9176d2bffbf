import Randomness
import Torch

/// The last K embeddings of the run, first in, first out: one logical ring over all workers.
///
/// Every worker holds all K rows and puts in the same N rows of a step in sample order, so its content depends neither on
/// the number of workers nor on who they are; see `docs/decisions/replicated-memory.md`. K need not be a multiple of N.
///
/// Source: He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020.
public final class EmbeddingQueue {
    /// [K, D], float32, rows of unit length; the oldest is at the cursor.
    public let rows: Tensor
    /// How many rows have been put in, modulo K, and how many of K are real: int64 [2].
    private let place: Tensor
    private let name: String

    /// K random unit vectors, drawn from `seed`, none of which counts as real.
    public init(size: Int, dimension: Int, seed: UInt64, name: String = "queue") throws {
        guard size > 0, dimension > 0 else {
            throw ContrastiveError(.value, in: name, "\(size) rows of \(dimension), both must be positive")
        }
        var stream = Philox(seed: seed, path: [Self.streamTag] + name.utf8.map { UInt64($0) })
        let normals = (0..<size * dimension).map { _ in Float(stream.normal()) }
        rows = try Tensor(normals, shape: [size, dimension]).l2Normalized(dim: 1)
        place = try Tensor([Int64(0), 0], shape: [2])
        self.name = name
    }

    private static let streamTag: UInt64 = 0x7175_6575_65

    public var size: Int { rows.shape[0] }

    /// Whether all rows are of images.
    public var isFull: Bool { get throws { try place.int64s()[1] == Int64(size) } }

    /// Puts in [N, D], in order, at unit length; of more than K rows the last K stay.
    public func enqueue(_ keys: Tensor) throws {
        guard keys.dimensions == 2, keys.shape[1] == rows.shape[1] else {
            throw ContrastiveError(.shape, in: name, "keys \(keys.shape) do not fit rows of \(rows.shape[1])")
        }
        try withoutGradient {
            let count = keys.shape[0]
            let kept = min(count, size)
            let unit = try keys.detached().narrowed(dim: 0, start: count - kept, length: kept).l2Normalized(dim: 1)
            let state = try place.int64s().map(Int.init)
            let cursor = (state[0] + count - kept) % size
            let first = min(kept, size - cursor)
            try put(unit, from: 0, count: first, at: cursor)
            try put(unit, from: first, count: kept - first, at: 0)
            try place.copyInPlace(
                from: Tensor([Int64((cursor + kept) % size), Int64(min(size, state[1] + count))], shape: [2]))
        }
    }

    private func put(_ keys: Tensor, from start: Int, count: Int, at row: Int) throws {
        guard count > 0 else { return }
        try rows.narrowed(dim: 0, start: row, length: count)
            .copyInPlace(from: keys.narrowed(dim: 0, start: start, length: count))
    }

    /// For checkpoints.
    public var state: [NamedTensor] {
        [NamedTensor(name: "\(name).rows", tensor: rows), NamedTensor(name: "\(name).place", tensor: place)]
    }
}
