import Contrastive
import Randomness
import Testing
import Torch

@Suite struct SphericalKMeansTests {
    /// Three bundles of directions, 12 points in each, interleaved.
    static func bundles() throws -> Tensor {
        let centres = try Tensor([1.0, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3])
        let points =
            try Tensor.concatenated(Array(repeating: centres, count: 12), dim: 0) + noise([36, 3], 5, scale: 0.15)
        return try points.l2Normalized(dim: 1)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyPointIsWithItsNearestCentroidAndCentroidsAreMeans(seed: UInt64) throws {
        let points = try Self.bundles()
        let result = try SphericalKMeans(clusters: 5, rounds: 60)(
            points, stream: Philox(seed: seed, path: [1]), over: OneWorker(images: 1))
        let nearest = try points.matmul(result.centroids.transposed(0, 1)).argmax(dim: 1).int64s()
        #expect(result.assignments == nearest.map(Int.init))
        #expect(try values(result.centroids.norm(dims: [1])).allSatisfy { abs($0 - 1) < 1e-9 })
        // At the fixed point each centroid is the unit mean of its points.
        for cluster in Set(result.assignments) {
            let own = result.assignments.indices.filter { result.assignments[$0] == cluster }.map { Int64($0) }
            let mean = try points.indexSelected(dim: 0, indices: Tensor(own, shape: [own.count]))
                .mean(dims: [0]).l2Normalized(dim: 0)
            #expect(try relativeError(result.centroids.selected(dim: 0, index: cluster), mean) < 1e-9)
        }
    }

    @Test func moreClustersThanPointsLeaveSomeWithout() throws {
        let points = try noise([3, 4], 1).l2Normalized(dim: 1)
        let result = try SphericalKMeans(clusters: 8, rounds: 3)(
            points, stream: Philox(seed: 1, path: [1]), over: OneWorker(images: 1))
        #expect(result.centroids.shape == [8, 4])
        #expect(Set(result.assignments).count == 3)
        #expect(try values(result.centroids).allSatisfy(\.isFinite))
    }

    @Test func theStreamDecidesWhereItBegins() throws {
        let points = try noise([40, 4], 3).l2Normalized(dim: 1)
        func run(_ seed: UInt64) throws -> [Double] {
            try values(
                SphericalKMeans(clusters: 6, rounds: 1)(
                    points, stream: Philox(seed: seed, path: [1]), over: OneWorker(images: 1)
                ).centroids)
        }
        #expect(try run(1) == run(1))
        #expect(try run(1) != run(2))
    }
}
