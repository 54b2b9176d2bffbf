import Collectives
import Contrastive
import Torch

/// SimCLR's loss with negatives from all ranks: the gather and the bookkeeping of rows around the loss itself.
public struct GatheredNTXent {
    /// Images of each rank, in rank order.
    public let rows: [Int]
    public let temperature: Double

    public init(rows: [Int], temperature: Double) {
        self.rows = rows
        self.temperature = temperature
    }

    /// This rank's share of the global loss; the shares of all ranks sum to it.
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
        let gathered = try communicator.gatherRowsWithGradient(pairs, rows: rows)
        let keys = try Tensor.concatenated(
            [
                gathered.narrowed(dim: 1, start: 0, length: width),
                gathered.narrowed(dim: 1, start: width, length: width),
            ], dim: 0)
        let start = rows[..<communicator.rank].reduce(0, +)
        return try SimCLR.loss(
            embeddings: embeddings, keys: keys, positions: Array(start..<start + own), temperature: temperature)
    }
}
