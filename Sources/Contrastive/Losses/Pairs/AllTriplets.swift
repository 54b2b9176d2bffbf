import Torch

/// Every negative of every anchor. An anchor's hinges as another's negative follow from that one's cosine with its positive,
/// which travels beside it.
final class AllTriplets: MinedTriplets {
    private let rows: TripletRows
    /// Triplets of this worker whose hinge is above 0.
    private var activeCount = 0.0

    init(_ rows: TripletRows) { self.rows = rows }

    func forward() throws -> Tensor {
        let sum = try Tensor.zeros([], rows.type)
        activeCount = 0
        try rows.travel { tile, keys, _ in
            try rows.cosines(keys) { block, cosines in
                let hinges = try rows.hinge.values(
                    positive: column(rows.positives, block.anchors), negative: rows.negatives(cosines, block, tile))
                try sum.addInPlace(hinges.sum())
                activeCount += try rows.hinge.isActive(hinges).sum().item()
            }
        }
        return sum
    }

    func divisor() throws -> Double {
        max(1, try rows.ring.workers.sum(Tensor([activeCount], shape: [1])).item())
    }

    func backward(scale: Double) throws -> Tensor {
        let gradient = try Tensor.zeros(rows.anchors.shape, rows.type)
        let counts = try Tensor.zeros([rows.count], rows.type)
        let beside = [rows.positives, try Tensor.full([rows.count], scale, rows.type)]
        try rows.travel(beside: Tensor.stacked(beside, dim: 1)) { tile, keys, beside in
            let theirPositives = try beside.narrowed(dim: 1, start: 0, length: 1)
            let theirScale = try beside.selected(dim: 1, index: 1).selected(dim: 0, index: 0).item()
            try rows.cosines(keys) { block, cosines in
                let negatives = try rows.negatives(cosines, block, tile)
                func active(_ positives: Tensor) throws -> Tensor {
                    try rows.hinge.isActive(rows.hinge.values(positive: positives, negative: negatives))
                }
                let weights = try active(column(rows.positives, block.anchors)) * scale
                try counts.rows(block.anchors).addInPlace(weights.sum(dims: [1]))
                try weights.addInPlace(active(theirPositives.rows(block.keys).transposed(0, 1)), scale: theirScale)
                try weights.multiplyInPlace(rows.hinge.distance.slopes(negatives))
                try gradient.rows(block.anchors).addInPlace(weights.matmul(keys.rows(block.keys)), scale: -1)
            }
        }
        try rows.addPositives(to: gradient, counts: counts)
        return gradient
    }
}
