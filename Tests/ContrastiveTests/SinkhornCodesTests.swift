import Contrastive
import Foundation
import Testing
import Torch

@Suite struct SinkhornCodesTests {
    /// The algorithm on plain numbers, without logarithms.
    private func reference(_ scores: [[Double]], epsilon: Double, rounds: Int) -> [[Double]] {
        var q = scores.map { $0.map { exp($0 / epsilon) } }
        let prototypes = scores[0].indices
        for _ in 0..<rounds {
            let totals = prototypes.map { k in q.reduce(0) { $0 + $1[k] } }
            q = q.map { row in prototypes.map { row[$0] / totals[$0] } }
            q = q.map { row in row.map { $0 / row.reduce(0, +) } }
        }
        return q
    }

    private func matrix(_ tensor: Tensor) throws -> [[Double]] {
        let (rows, columns) = (tensor.shape[0], tensor.shape[1])
        let flat = try values(tensor)
        return (0..<rows).map { Array(flat[$0 * columns..<($0 + 1) * columns]) }
    }

    @Test(arguments: [(0.05, 3), (0.3, 1), (1, 10)])
    func codesFollowTheAlgorithm(epsilon: Double, rounds: Int) throws {
        let (scores, extra) = (try noise([5, 4], 1), try noise([3, 4], 2))
        let workers = OneWorker(images: 5)
        let alone = try sinkhornCodes(scores: scores, epsilon: epsilon, rounds: rounds, over: workers)
        let expected = try reference(matrix(scores), epsilon: epsilon, rounds: rounds)
        #expect(try relativeError(values(alone), expected.flatMap { $0 }) < 1e-12)

        let queued = try sinkhornCodes(
            scores: scores, extraScores: extra, epsilon: epsilon, rounds: rounds, over: workers)
        let expectedQueued = try reference(matrix(scores) + matrix(extra), epsilon: epsilon, rounds: rounds)[..<5]
        #expect(try relativeError(values(queued), expectedQueued.flatMap { $0 }) < 1e-12)
        #expect(try relativeError(queued, alone) > 1e-3)
    }

    /// exp(1/ε) is far beyond the largest number of either type.
    @Test(arguments: [ScalarType.float32, .float64], [1e-3, 1e-4])
    func aSmallEpsilonDoesNotOverflow(type: ScalarType, epsilon: Double) throws {
        let scores = try noise([40, 6], 5).converted(to: type)
        let codes = try sinkhornCodes(scores: scores, epsilon: epsilon, rounds: 3, over: OneWorker(images: 40))
        #expect(codes.scalarType == type)
        let sums = try values(codes.sum(dims: [1]))
        #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 }, "\(sums)")
        // Hard codes: nearly all of a row in one place.
        #expect(try values(codes.amax(dims: [1])).filter { $0 > 0.99 }.count > 30)
    }

    @Test func allPrototypesAreUsedAlike() throws {
        let codes = try sinkhornCodes(
            scores: noise([30, 5], 9, scale: 0.2, shift: 0.1), epsilon: 0.05, rounds: 300, over: OneWorker(images: 30))
        for total in try values(codes.sum(dims: [0])) { #expect(abs(total - 6) < 1e-6) }
    }

    @Test func noGradientFlowsIntoCodes() throws {
        let scores = try NTXentTests.leaf(noise([4, 3], 1))
        let codes = try sinkhornCodes(scores: scores, epsilon: 0.05, rounds: 3, over: OneWorker(images: 4))
        #expect(!codes.requiresGradient)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let scores = try noise([4, 3], 1)
        let one = OneWorker(images: 4)
        for (epsilon, rounds) in [(0, 3), (-1, 3), (.infinity, 3), (0.05, 0)] as [(Double, Int)] {
            #expect(throws: ContrastiveError.self) {
                try sinkhornCodes(scores: scores, epsilon: epsilon, rounds: rounds, over: one)
            }
        }
        for extra in [[2, 4], [0, 3], [3]] {
            #expect(throws: ContrastiveError.self) {
                try sinkhornCodes(
                    scores: scores, extraScores: Tensor.zeros(extra, .float64), epsilon: 0.05, rounds: 3, over: one)
            }
        }
        #expect(throws: ContrastiveError.self) {
            try sinkhornCodes(scores: scores, epsilon: 0.05, rounds: 3, over: OneWorker(images: 5))
        }
    }
}
