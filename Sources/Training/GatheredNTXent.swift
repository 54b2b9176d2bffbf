import Collectives
import Contrastive
import Torch

/// SimCLR's loss with negatives from all ranks: the gather and the bookkeeping of rows around the loss itself.
public struct GatheredNTXent {
    /// Images of each rank, in rank order.
    public let rows: [Int]
    public let temperature: Double
    /// Whether every rank computes the whole loss, so that nothing of it depends on how rows are dealt; else its share.
    public let isReplicated: Bool

    public init(rows: [Int], temperature: Double, isReplicated: Bool = false) {
        self.rows = rows
        self.temperature = temperature
        self.isReplicated = isReplicated
    }

    /// This rank's share of the global loss; the shares of all ranks sum to it. Where it is replicated, the global loss.
    ///
    /// - Parameter embeddings: ẑ `[2n, D]` of unit length, all first views and then all second views of this rank's n
    ///   images. The gradient of the **global** loss flows into it.
    public func loss(of embeddings: Tensor, over communicator: Communicator) throws -> Tensor {
        let own = rows[communicator.rank]
        let width = embeddings.shape[1]
        // One row an image, both views side by side, so that the ranks' rows concatenate in sample order.
        let pairs = try Tensor.concatenated(
            [
                embeddings.narrowed(dim: 0, start: 0, length: own),
                embeddings.narrowed(dim: 0, start: own, length: own),
            ], dim: 1)
        let gathered =
            isReplicated
            ? try communicator.gatherRowsReplicated(pairs, rows: rows)
            : try communicator.gatherRowsWithGradient(pairs, rows: rows)
        let keys = try Tensor.concatenated(
            [
                gathered.narrowed(dim: 1, start: 0, length: width),
                gathered.narrowed(dim: 1, start: width, length: width),
            ], dim: 0)
        if isReplicated {
            return try SimCLR.loss(
                embeddings: keys, keys: keys, positions: Array(0..<rows.reduce(0, +)), temperature: temperature)
        }
        let start = rows[..<communicator.rank].reduce(0, +)
        return try SimCLR.loss(
            embeddings: embeddings, keys: keys, positions: Array(start..<start + own), temperature: temperature)
    }
}
