import Torch

/// Rows of all workers, met a tile at a time: no worker ever holds more than its own tile, one other, and one on its way.
///
/// A tile is what one worker has. Tiles travel round the ring; each leaves for the next worker before its own arithmetic
/// begins, so that it travels behind it. A function of all pairs of rows that is symmetric in their embeddings needs no
/// gradient to travel back: what a row gets as others' key follows from what travels beside their embeddings.
///
/// Source: the ring as in Cheng et al., "Breaking the Memory Barrier: Near Infinite Batch Size Scaling for Contrastive
/// Loss", 2024, without its hierarchy of levels.
struct TileRing {
    let workers: any Workers
    /// Rows of a tile for each of its worker's images.
    let rowsPerImage: Int

    struct Tile {
        /// [rowsPerImage · n, C], n the images of its worker.
        let rows: Tensor
        /// The number of its first row, counted through all tiles in the order of the workers.
        let first: Int
        let isOwn: Bool
    }

    /// The number of this worker's first row.
    var first: Int { rowsPerImage * workers.ownRows.lowerBound }

    /// Shows `visit` every worker's tile, the own one first; empty ones are left out.
    ///
    /// - Parameter own: [rowsPerImage · n, C], contiguous.
    func travel(_ own: Tensor, _ visit: (Tile) throws -> Void) throws {
        let count = workers.rows.count
        var (rows, owner) = (own, workers.rank)
        for step in 0..<count {
            let isLast = step == count - 1
            if !isLast { try workers.passOn(rows) }
            if rows.shape[0] > 0 {
                let start = workers.rows[..<owner].reduce(0, +)
                try visit(Tile(rows: rows, first: rowsPerImage * start, isOwn: step == 0))
            }
            guard !isLast else { return }
            owner = (owner + count - 1) % count
            rows = try workers.receive([rowsPerImage * workers.rows[owner], own.shape[1]], own.scalarType)
            try workers.settle()
        }
    }
}
