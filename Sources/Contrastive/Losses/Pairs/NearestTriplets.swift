import Torch

/// One negative an anchor: the nearest so far as tiles come by, or (semi-hard) the nearest that is farther than the
/// positive, the farthest where there is none. Which one it was travels beside the anchor in backward.
final class NearestTriplets: MinedTriplets {
    private let rows: TripletRows
    private let farther: Bool
    /// The cosine of each anchor with its negative, and the number of that one's row: [2n].
    private var chosen: LargestSoFar

    /// - Parameter farther: whether negatives nearer than the positive are passed over.
    init(_ rows: TripletRows, farther: Bool) throws {
        self.rows = rows
        self.farther = farther
        chosen = try LargestSoFar(count: rows.count, rows.type)
    }

    func forward() throws -> Tensor {
        chosen = try LargestSoFar(count: rows.count, rows.type)
        let opposite = try LargestSoFar(count: rows.count, rows.type)
        try rows.travel { tile, keys, _ in
            try rows.cosines(keys) { block, cosines in
                let negatives = try rows.negatives(cosines, block, tile)
                let firstKey = tile.first + block.keys.lowerBound
                guard farther else { return try chosen.take(negatives, block.anchors, firstKey: firstKey) }
                let zero = try Tensor.zeros([], rows.type)
                let isNearer = try (column(rows.positives, block.anchors) - negatives).relu().equal(zero)
                try chosen.take(negatives.maskedFilled(isNearer, -.infinity), block.anchors, firstKey: firstKey)
                try opposite.take(
                    -rows.negatives(cosines, block, tile, fill: .infinity), block.anchors, firstKey: firstKey)
            }
        }
        if farther {
            let isNone = try chosen.values.equal(Tensor.full([], -.infinity, rows.type))
            chosen = LargestSoFar(
                values: try Tensor.where(isNone, -opposite.values, chosen.values),
                keys: try Tensor.where(isNone, opposite.keys, chosen.keys))
        }
        return try hinges().sum()
    }

    private func hinges() throws -> Tensor {
        try rows.hinge.values(positive: rows.positives, negative: chosen.values)
    }

    func divisor() -> Double { Double(2 * rows.ring.workers.imageCount) }

    func backward(scale: Double) throws -> Tensor {
        var gradient = try Tensor.zeros(rows.anchors.shape, rows.type)
        let active = try rows.hinge.isActive(hinges()) * scale
        let weights = try -(active * rows.hinge.distance.slopes(chosen.values))
        let chosenKeys = try chosen.keys.converted(to: rows.type)
        try rows.travel(beside: Tensor.stacked([chosenKeys, weights], dim: 1)) { tile, keys, beside in
            // The anchors whose negative is in this tile.
            let inTile = try matches(chosenKeys, from: tile.first, count: keys.shape[0])
            gradient = try gradient.adding(
                at: inTile.rows, keys.selecting(inTile.places), weights.selecting(inTile.rows))
            // The tile's anchors whose negative is here.
            let here = try matches(beside.selected(dim: 1, index: 0), from: rows.ring.first, count: rows.count)
            gradient = try gradient.adding(
                at: here.places, keys.selecting(here.rows),
                beside.selected(dim: 1, index: 1).selecting(here.rows))
        }
        try rows.addPositives(to: gradient, counts: active)
        return gradient
    }

    /// The rows whose key lies in `start..<start + count`, and its place there.
    private func matches(_ keys: Tensor, from start: Int, count: Int) throws -> (rows: [Int64], places: [Int64]) {
        var (rows, places): ([Int64], [Int64]) = ([], [])
        for (row, key) in try keys.converted(to: .int64).int64s().enumerated() {
            guard key >= start, key < start + count else { continue }
            rows.append(Int64(row))
            places.append(key - Int64(start))
        }
        return (rows, places)
    }
}

/// The largest of each row's values that come a block of columns at a time, and where it was.
private struct LargestSoFar {
    /// [a]; −∞ before anything has come.
    let values: Tensor
    /// [a] int64.
    let keys: Tensor

    init(count: Int, _ type: ScalarType) throws {
        values = try Tensor.full([count], -.infinity, type)
        keys = try Tensor.zeros([count], .int64)
    }

    init(values: Tensor, keys: Tensor) {
        self.values = values
        self.keys = keys
    }

    /// Takes in the values [b, k] of the rows in `block`, of keys numbered from `firstKey`.
    func take(_ columns: Tensor, _ block: Range<Int>, firstKey: Int) throws {
        let largest = try columns.maximum(dim: 1)
        let (values, keys) = (try values.rows(block), try keys.rows(block))
        // Where it is not larger than what has come, that stays.
        let stays = try (largest.values - values).relu().equal(Tensor.zeros([], values.scalarType))
        try keys.copyInPlace(
            from: Tensor.where(stays, keys, largest.indices + Tensor([Int64(firstKey)], shape: [1])))
        try values.copyInPlace(from: Tensor.where(stays, values, largest.values))
    }
}

extension Tensor {
    /// The rows or elements at `places`.
    fileprivate func selecting(_ places: [Int64]) throws -> Tensor {
        try indexSelected(dim: 0, indices: Tensor(places, shape: [places.count]))
    }

    /// This matrix with `weights` [m] times `rows` [m, D] added to the rows at `places`.
    fileprivate func adding(at places: [Int64], _ rows: Tensor, _ weights: Tensor) throws -> Tensor {
        let indices = try Tensor(places, shape: [places.count, 1]).expanded([places.count, shape[1]])
        return try scatterAdded(dim: 0, indices: indices, source: rows * weights.unsqueezed(dim: 1))
    }
}
