import Foundation
import Testing
import Torch

@Suite struct BatchNormWorkersTests {
    /// How a batch of 8 is shared.
    static let shares = [[8], [5, 3], [4, 4], [2, 5, 1], [3, 0, 5]]

    private struct Part: Sendable {
        let output: Tensor
        let mean: Tensor
        let variance: Tensor
        let count: Double
        let gradients: [Tensor]
    }

    @Test(arguments: shares, [false, true])
    func unevenPartsTogetherAreTheWholeBatchOnOne(share: [Int], fused: Bool) throws {
        let shape = [8, 5, 2, 3]
        let x = try scattered(shape, seed: 1)
        let residual = try scattered(shape, seed: 2)
        let upstream = try scattered(shape, seed: 3)
        let weight = try scattered([5], seed: 4)
        let bias = try scattered([5], seed: 5)

        @Sendable func part(_ range: Range<Int>, reduce: ((Tensor) throws -> Void)?) throws -> Part {
            func own(_ tensor: Tensor) throws -> Tensor {
                let own = try tensor.narrowed(dim: 0, start: range.lowerBound, length: range.count).cloned()
                try own.setRequiresGradient(true)
                return own
            }
            let leaves = try [own(x), weight.cloned(), bias.cloned(), own(residual)]
            for leaf in leaves { try leaf.setRequiresGradient(true) }
            let result = try leaves[0].batchNormTraining(
                weight: leaves[1], bias: leaves[2], residual: fused ? leaves[3] : nil, relu: fused, reduce: reduce)
            try result.output.backward(upstream.narrowed(dim: 0, start: range.lowerBound, length: range.count))
            return Part(
                output: try result.output.detached(), mean: result.mean, variance: result.variance,
                count: result.count, gradients: leaves.compactMap { $0.gradient })
        }

        let whole = try part(0..<8, reduce: nil)
        let gathering = Gathering(members: share.count)
        let parts = try Gathering.run(workers: share.count) { worker in
            let start = share[..<worker].reduce(0, +)
            return try part(start..<start + share[worker], reduce: gathering.allReduce)
        }
        #expect(gathering.meetings == 2)
        #expect(try distance(Tensor.concatenated(parts.map(\.output), dim: 0), whole.output) < 1e-12)
        for part in parts {
            #expect(part.count == whole.count)
            #expect(try distance(part.mean, whole.mean) < 1e-13)
            #expect(try distance(part.variance, whole.variance) < 1e-13)
            #expect(part.gradients.count == whole.gradients.count)
        }
        for (index, expected) in whole.gradients.enumerated() {
            let all = parts.map { $0.gradients[index] }
            // Inputs lie side by side; the parameters' gradients are local sums.
            let actual =
                expected.dimensions == 1
                ? try all.dropFirst().reduce(all[0]) { try $0 + $1 } : try Tensor.concatenated(all, dim: 0)
            #expect(try distance(actual, expected) < 1e-11, "gradient \(index)")
        }
    }

    /// Pieces 3, 2, 1, 2 of a batch of 8 on one worker, on two and on three: the same bits, and nearly those without.
    @Test(arguments: [false, true])
    func piecesHaveTheSameBitsHoweverTheyAreDealt(fused: Bool) throws {
        let pieces = [0..<3, 3..<5, 5..<6, 6..<8]
        let x = try scattered([8, 5, 7, 6], seed: 1).converted(to: .float32)
        let residual = try scattered([8, 5, 7, 6], seed: 2).converted(to: .float32)
        let upstream = try scattered([8, 5, 7, 6], seed: 3).converted(to: .float32)

        struct Bits: Equatable {
            var output: [Float] = []
            var gradients: [Float] = []
            /// Of weight and bias, for each piece.
            var parameters: [[Double]] = []
        }

        @Sendable func part(_ own: Range<Int>, exact: Bool, reduce: ((Tensor) throws -> Void)?) throws -> Bits {
            let rows = pieces[own.lowerBound].lowerBound..<pieces[own.upperBound - 1].upperBound
            func leaf(_ tensor: Tensor) throws -> Tensor {
                let leaf = try tensor.narrowed(dim: 0, start: rows.lowerBound, length: rows.count).cloned()
                try leaf.setRequiresGradient(true)
                return leaf
            }
            let (input, other) = try (leaf(x), leaf(residual))
            var bits = Bits()
            let result = try input.batchNormTraining(
                residual: fused ? other : nil, relu: fused,
                pieces: exact
                    ? pieces[own].map { $0.lowerBound - rows.lowerBound..<$0.upperBound - rows.lowerBound } : nil,
                reduce: reduce, parameterGradients: { bits.parameters += try [$0.doubles() + $1.doubles()] })
            try result.output.backward(upstream.narrowed(dim: 0, start: rows.lowerBound, length: rows.count))
            bits.output = try result.output.floats()
            bits.gradients = try #require(input.gradient).floats() + (fused ? #require(other.gradient).floats() : [])
            return bits
        }

        let one = try part(0..<4, exact: true, reduce: nil)
        let without = try part(0..<4, exact: false, reduce: nil)
        #expect(zip(one.output, without.output).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(zip(one.gradients, without.gradients).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(one.parameters.count == 4 && without.parameters.count == 1)
        for deal in [[0..<1, 1..<4], [0..<2, 2..<3, 3..<4]] {
            let gathering = Gathering(members: deal.count)
            let parts = try Gathering.run(workers: deal.count) { worker in
                try part(deal[worker], exact: true, reduce: gathering.allReduce)
            }
            #expect(gathering.meetings == 2)
            #expect(parts.flatMap(\.output) == one.output, "\(deal)")
            #expect(parts.flatMap(\.parameters) == one.parameters, "\(deal)")
            let count = fused ? 2 : 1
            let inputs = parts.flatMap { $0.gradients.prefix($0.gradients.count / count) }
            #expect(inputs == Array(one.gradients.prefix(one.gradients.count / count)), "\(deal)")
        }
    }

    @Test func piecesThatDoNotCoverTheBatchAreRefused() throws {
        let x = try scattered([4, 3], seed: 1)
        for pieces in [[], [0..<3], [0..<2, 3..<4], [0..<5], [1..<4]] {
            #expect(throws: TorchError.self) { try x.batchNormTraining(pieces: pieces) }
        }
    }

    @Test func anErrorOfTheReductionComesOutAsItself() throws {
        let x = try scattered([4, 3], seed: 1)
        try x.setRequiresGradient(true)
        #expect(throws: Refused(place: "forward")) {
            try x.batchNormTraining(reduce: { _ in throw Refused(place: "forward") })
        }
        var calls = 0
        let result = try x.batchNormTraining { _ in
            calls += 1
            if calls == 2 { throw Refused(place: "backward") }
        }
        #expect(throws: Refused(place: "backward")) { try result.output.sum().backward() }
    }

    @Test func theReductionGetsSumsOfSquaresAndTheCount() throws {
        let x = try Tensor([1.0, 2, 3, 5], shape: [2, 2])
        try x.setRequiresGradient(true)
        var seen: [[Double]] = []
        let result = try x.batchNormTraining(epsilon: 0) { seen.append(try $0.doubles()) }
        try result.output.backward(Tensor([1.0, 2, 3, 4], shape: [2, 2]))
        #expect(seen == [[4, 7, 10, 29, 2], [4, 6, 2, 2]])
    }
}
