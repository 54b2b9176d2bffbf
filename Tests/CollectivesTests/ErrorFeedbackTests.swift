import ClusterTestKit
import Collectives
import Testing

@Suite struct ErrorFeedbackTests {
    static let lossy: [GradientCompression] = [.int8, .topK(fraction: 0.05), .powerSGD(rank: 2)]
    static let count = 1000

    /// How far the sum of all steps' results is from the exact one, as a share of the exact one. Seed 51.
    private func drift(_ compression: GradientCompression, steps: Int, forgetful: Bool) throws -> Double {
        let gradient: @Sendable (Int, Int) -> [Float] = { rank, step in
            let mean = randomGradient(seed: 51, rank: rank, step: 0, count: Self.count)
            let noise = randomGradient(seed: 51, rank: rank, step: step + 1, count: Self.count)
            return zip(mean, noise).map { $0 + $1 / 4 }
        }
        let sums = try compressedSums(
            compression, ranks: 3, count: Self.count, steps: steps, forgetful: forgetful, gradient)[0]
        var exact = [Double](repeating: 0, count: Self.count)
        var approximate = exact
        for step in 0..<steps {
            let sum = exactSum(ranks: 3, count: Self.count) { gradient($0, step) }
            for index in exact.indices {
                exact[index] += sum[index]
                approximate[index] += Double(sums[step][index])
            }
        }
        return norm(zip(exact, approximate).map { $0 - $1 }) / norm(exact)
    }

    /// What is left out of the sum of all steps is what one residual holds, however many steps there were.
    @Test(arguments: lossy)
    func theSumOfManyStepsConvergesToTheExactOne(compression: GradientCompression) throws {
        let (few, many) = try (
            drift(compression, steps: 50, forgetful: false), drift(compression, steps: 400, forgetful: false)
        )
        #expect(many < few / 4, "seed 51, \(few) after 50 steps, \(many) after 400")
        #expect(many < 0.1, "seed 51, \(many)")
    }

    @Test(arguments: [GradientCompression.topK(fraction: 0.05), .powerSGD(rank: 2)])
    func withoutResidualsItDoesNot(compression: GradientCompression) throws {
        let forgetful = try drift(compression, steps: 400, forgetful: true)
        let feedback = try drift(compression, steps: 400, forgetful: false)
        #expect(forgetful > 0.3, "seed 51, \(forgetful)")
        #expect(feedback < forgetful / 5, "seed 51, \(feedback) with, \(forgetful) without")
    }

    /// A constant gradient: the same code every time, hence the same error without a residual.
    @Test func bytesWithoutResidualsRepeatTheirError() throws {
        let sums = try [false, true].map { forgetful in
            try compressedSums(.int8, ranks: 3, count: Self.count, steps: 200, forgetful: forgetful) { rank, _ in
                randomGradient(seed: 52, rank: rank, step: 0, count: Self.count)
            }[0]
        }
        let exact = exactSum(ranks: 3, count: Self.count) {
            randomGradient(seed: 52, rank: $0, step: 0, count: Self.count)
        }
        let errors = sums.map { steps in
            norm(exact.indices.map { index in steps.reduce(0.0) { $0 + Double($1[index]) } - 200 * exact[index] })
        }
        #expect(errors[0] < errors[1] / 20, "seed 52, \(errors)")
    }

    /// With other ranks each sums another part; what it had left out of its old part's sum is not lost.
    @Test func residualsOutliveAChangeOfRanks() throws {
        let (before, after) = (InMemoryNetwork(size: 3), InMemoryNetwork(size: 3))
        let totals = try before.run { link -> [Double] in
            let compressor = BlockwiseInt8(count: Self.count)
            var total = [Double](repeating: 0, count: Self.count)
            func add(_ gradient: [Float], _ communicator: Communicator) throws {
                var values = gradient
                try values.withUnsafeMutableBufferPointer { try compressor.allReduceSum($0, over: communicator) }
                for index in total.indices { total[index] += Double(values[index]) }
            }
            let gradient = randomGradient(seed: 53, rank: link.rank, step: 0, count: Self.count)
            try add(gradient, Communicator(link: link))
            let communicator = Communicator(link: after.link(rank: (link.rank + 1) % 3))
            // Nothing new: only residuals are sent, each time with about a hundredth of them left out.
            for _ in 0..<4 { try add([Float](repeating: 0, count: Self.count), communicator) }
            return total
        }.map { try $0.get() }
        let exact = exactSum(ranks: 3, count: Self.count) {
            randomGradient(seed: 53, rank: $0, step: 0, count: Self.count)
        }
        let error = norm(zip(totals[0], exact).map { $0 - $1 }) / norm(exact)
        #expect(error < 1e-6, "seed 53, \(error)")
    }
}
