import Randomness
import Torch

/// k-means by cosine, the work shared by all workers.
///
/// Source: `cluster_memory` in `main_deepclusterv2.py` of facebookresearch/swav.
public struct SphericalKMeans {
    public struct Result {
        /// [K, D], unit rows.
        public let centroids: Tensor
        /// By point: the centroid that it is nearest to.
        public let assignments: [Int]
    }

    public let clusters: Int
    public let rounds: Int

    public init(clusters: Int, rounds: Int) {
        self.clusters = clusters
        self.rounds = rounds
    }

    /// - Parameters:
    ///   - points: [P, D], unit rows, the same on every worker; P ≥ 1.
    ///   - stream: draws the points that centroids begin as, without replacement while they last.
    ///   - workers: each compares its share of the points; sums go over all. How images are dealt plays no part.
    /// - Returns: the same on every worker. A cluster without points stays where it was.
    public func callAsFunction(_ points: Tensor, stream: Philox, over workers: any Workers) throws -> Result {
        try withoutGradient {
            var stream = stream
            let count = points.shape[0]
            let share = count * workers.rank / workers.rows.count..<count * (workers.rank + 1) / workers.rows.count
            let own = try points.narrowed(dim: 0, start: share.lowerBound, length: share.count)
            var centroids = try points.indexSelected(dim: 0, indices: start(count, &stream))
            for _ in 0..<rounds {
                let nearest = try Self.nearest(own, centroids)
                centroids = try centroids.moved(to: own, nearest, over: workers)
            }
            let assignments = try Self.assignments(Self.nearest(own, centroids), share, of: count, over: workers)
            return Result(centroids: centroids, assignments: assignments)
        }
    }

    private func start(_ count: Int, _ stream: inout Philox) throws -> Tensor {
        var order: [Int32] = []
        while order.count < clusters { order += stream.permutation(of: count) }
        return try Tensor(order[..<clusters].map { Int64($0) }, shape: [clusters])
    }

    /// [p] int64; in blocks, so that the [p, K] similarities are never held whole.
    private static func nearest(_ points: Tensor, _ centroids: Tensor) throws -> Tensor {
        let height = max(1, (1 << 22) / centroids.shape[0])
        let directions = try centroids.transposed(0, 1)
        var parts = [try Tensor([Int64](), shape: [0])]
        for start in stride(from: 0, to: points.shape[0], by: height) {
            let block = try points.narrowed(dim: 0, start: start, length: min(height, points.shape[0] - start))
            parts.append(try block.matmul(directions).argmax(dim: 1))
        }
        return try Tensor.concatenated(parts, dim: 0)
    }

    /// Every worker's part, put together through a sum.
    private static func assignments(
        _ own: Tensor, _ share: Range<Int>, of count: Int, over workers: any Workers
    ) throws -> [Int] {
        let all = try Tensor.zeros([count], .float64)
        try all.narrowed(dim: 0, start: share.lowerBound, length: share.count).copyInPlace(from: own)
        return try workers.sum(all).doubles().map { Int($0) }
    }
}

extension Tensor {
    /// Centroids [K, D] → the unit means of the points [p, D] of all workers that are nearest to each.
    fileprivate func moved(to points: Tensor, _ nearest: Tensor, over workers: any Workers) throws -> Tensor {
        let (clusters, width) = (shape[0], shape[1])
        // The sums of a cluster's points and, in a last column, their number.
        let weighted = try Tensor.concatenated(
            [points.converted(to: .float64), Tensor.ones([points.shape[0], 1], .float64)], dim: 1)
        let places = try nearest.unsqueezed(dim: 1).expanded([points.shape[0], width + 1]).contiguous()
        let own = try Tensor.zeros([clusters, width + 1], .float64)
            .scatterAdded(dim: 0, indices: places, source: weighted)
        let sums = try workers.sum(own)
        let isEmpty = try sums.narrowed(dim: 1, start: width, length: 1).equal(Tensor.zeros([1], .float64))
        let means = try sums.narrowed(dim: 1, start: 0, length: width).l2Normalized(dim: 1).converted(to: scalarType)
        return try Tensor.where(isEmpty, self, means)
    }
}
