import Randomness
import Torch

/// An embedding of every image of the dataset: one logical bank over all workers.
///
/// Every worker holds all rows and writes the same ones in a step; see `docs/decisions/replicated-memory.md`.
///
/// Sources: Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018 (negatives
/// drawn from it); Caron et al., NeurIPS 2020, appendix on DeepCluster-v2 (clustered every epoch).
public final class FeatureBank {
    /// [images, D], float32, unit rows; zeros where nothing was written yet.
    public let rows: Tensor
    /// [images], 1 where a row was written.
    private let written: Tensor
    private let name: String

    public init(images: Int, dimension: Int, name: String = "bank") throws {
        rows = try Tensor.zeros([images, dimension])
        written = try Tensor.zeros([images])
        self.name = name
    }

    public var count: Int { rows.shape[0] }

    /// Indices of the images whose rows were written, ascending.
    public var known: [Int] {
        get throws { try written.floats().indices(where: { $0 > 0 }).ranges.flatMap { Array($0) } }
    }

    /// Writes `embeddings` [N, D], at unit length, as the rows of `samples`: v ← momentum·v + (1 − momentum)·new, brought
    /// to unit length again.
    ///
    /// - Parameter momentum: 0 replaces; a row's first embedding always does.
    public func write(_ embeddings: Tensor, of samples: [Int], momentum: Double = 0) throws {
        guard embeddings.dimensions == 2, embeddings.shape == [samples.count, rows.shape[1]] else {
            throw ContrastiveError(
                .shape, in: name, "\(samples.count) embeddings \(embeddings.shape) do not fit rows of \(rows.shape[1])")
        }
        try withoutGradient {
            let unit = try embeddings.detached().converted(to: .float32).l2Normalized(dim: 1)
            let one = try Tensor.ones([])
            for (row, sample) in samples.enumerated() {
                let place = try rows.selected(dim: 0, index: sample)
                let new = try unit.selected(dim: 0, index: row)
                let mark = try written.selected(dim: 0, index: sample)
                if momentum > 0, try mark.item() > 0 {
                    try place.multiplyInPlace(momentum)
                    try place.addInPlace(new, scale: 1 - momentum)
                    try place.copyInPlace(from: place.l2Normalized(dim: 0))
                } else {
                    try place.copyInPlace(from: new)
                }
                try mark.copyInPlace(from: one)
            }
        }
    }

    /// `count` rows drawn with replacement among those known, [count, D]: a pure function of `seed` and `step`.
    public func draw(_ count: Int, seed: UInt64, step: Int) throws -> Tensor {
        let known = try known
        guard !known.isEmpty else {
            throw ContrastiveError(.state, in: name, "nothing was written yet, so nothing can be drawn")
        }
        var stream = Philox(seed: seed, path: [Self.streamTag, UInt64(step)])
        let drawn = (0..<count).map { _ in Int64(known[stream.below(known.count)]) }
        return try rows.indexSelected(dim: 0, indices: Tensor(drawn, shape: [count]))
    }

    private static let streamTag: UInt64 = 0x6261_6e6b

    /// For checkpoints.
    public var state: [NamedTensor] {
        [NamedTensor(name: "\(name).rows", tensor: rows), NamedTensor(name: "\(name).written", tensor: written)]
    }
}
