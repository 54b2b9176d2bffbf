import Contrastive
import Foundation
import Testing
import Torch

@Suite struct EmbeddingStatisticsTests {
    @Test func onePointIsCollapsed() throws {
        let z = try Tensor.ones([6, 1], .float64).matmul(waves([1, 4], 0.3))
        let statistics = try EmbeddingStatistics(z, z * 3)
        #expect(statistics.deviation < 1e-9)
        #expect(abs(statistics.effectiveRank - 1) < 1e-6)
        #expect(statistics.alignment < 1e-12)
        #expect(abs(statistics.uniformity) < 1e-9)
        #expect(statistics.isCollapsed)
    }

    /// The corners ±eᵢ: everything can be told by hand.
    @Test func cornersOfTheCrossPolytopeHaveTheirKnownValues() throws {
        let axes = try Tensor.eye(4, .float64)
        let z = try Tensor.concatenated([axes, -axes], dim: 0)
        let statistics = try EmbeddingStatistics(z * 7, Tensor.concatenated([-axes, axes], dim: 0))
        #expect(abs(statistics.effectiveRank - 4) < 1e-9)
        #expect(abs(statistics.deviation - 1) < 1e-9)
        #expect(abs(statistics.alignment - 4) < 1e-9)
        // Of the 7 others, 6 stand at a right angle (squared distance 2) and one opposite (4).
        #expect(abs(statistics.uniformity - log((6 * exp(-4.0) + exp(-8.0)) / 7)) < 1e-9)
        #expect(!statistics.isCollapsed)
    }

    /// A line through the sphere: spread, but in one dimension only.
    @Test func oneDirectionIsCollapsedHoweverSpread() throws {
        let axis = try waves([1, 5], 1)
        let signs = try Tensor([1.0, -1, 1, -1, 1, -1], shape: [6, 1])
        let statistics = try EmbeddingStatistics(signs.matmul(axis), signs.matmul(axis))
        #expect(statistics.deviation > 0.5)
        #expect(statistics.isCollapsed)
    }

    @Test func anotherTurnOfTheSphereChangesNothingButDeviation() throws {
        let (a, b) = (try noise([20, 3], 1), try noise([20, 3], 2))
        let (c, s) = (cos(0.7), sin(0.7))
        let turn = try Tensor([c, -s, 0, s, c, 0, 0, 0, 1], shape: [3, 3])
        let before = try EmbeddingStatistics(a, b)
        let after = try EmbeddingStatistics(a.matmul(turn), b.matmul(turn))
        #expect(abs(before.effectiveRank - after.effectiveRank) < 1e-9)
        #expect(abs(before.alignment - after.alignment) < 1e-9)
        #expect(abs(before.uniformity - after.uniformity) < 1e-9)
    }

    @Test func viewsThatDoNotFitAreRefused() throws {
        #expect(throws: ContrastiveError.self) { try EmbeddingStatistics(waves([3, 2], 0), waves([3, 3], 0)) }
        #expect(throws: ContrastiveError.self) { try EmbeddingStatistics(waves([1, 2], 0), waves([1, 2], 0)) }
    }
}
