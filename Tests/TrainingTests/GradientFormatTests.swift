import Checkpoints
import Collectives
import Configuration
import Contrastive
import Randomness
import Testing
import Torch
import Training

/// Gradients that do not travel as exact sums: the ranks agree all the same, and what is left out comes later.
@Suite struct GradientFormatTests {
    static let formats: [GradientFormat] = [
        .compressed(.none), .compressed(.float16), .compressed(.bfloat16), .compressed(.int8),
        .compressed(.topK(fraction: 0.1)), .compressed(.powerSGD(rank: 2)),
    ]

    static func run(_ format: GradientFormat, steps: Int = 3) throws -> TestRun {
        var run = try OverlapTests.run(.sync, steps: steps)
        run.configuration.collectives.gradients = format
        return run
    }

    static func states(_ results: [Result<RankReport, any Error>]) throws -> [[String: [TensorRecord]]] {
        try results.map { try $0.get().state }
    }

    static func expectAgreement(_ states: [[String: [TensorRecord]]], _ what: String) {
        for (rank, state) in states.enumerated() { expectSameBits(state, states[0], "\(what), rank \(rank)") }
    }

    @Test(arguments: formats, [CollectiveLimits(), ringOnly])
    func allRanksHaveTheSameBitsWithOverlapAndWithout(format: GradientFormat, limits: CollectiveLimits) throws {
        var run = try Self.run(format)
        run.limits = limits
        for ranks in 2...4 {
            let direct = try Self.states(run.results(on: ranks))
            Self.expectAgreement(direct, "\(format), \(ranks) ranks")
            let overlapped = try Self.states(run.overlappedResults(on: ranks))
            Self.expectAgreement(overlapped + direct, "\(format), \(ranks) ranks, with overlap")
        }
    }

    @Test(arguments: formats, [[0, 0], [0, 0, 1], [0, 1, 0, 1]])
    func allRanksHaveTheSameBitsWhereMemoryIsShared(format: GradientFormat, hosts: [Int]) throws {
        let states = try Self.states(Self.run(format).overlappedResults(on: hosts.count, hosts: hosts))
        Self.expectAgreement(states, "\(format), \(hosts)")
    }

    /// Nothing travels, and sums are rounded once.
    @Test(arguments: formats)
    func oneRankTakesTheStepsOfExactSums(format: GradientFormat) throws {
        let exact = try Self.states(Self.run(.float64).results(on: 1))
        expectSameBits(try Self.states(Self.run(format).results(on: 1))[0], exact[0], "\(format)")
    }

    /// What the first step's update makes of the parameters, against exact sums.
    @Test(
        arguments: zip(
            formats + [.compressed(.topK(fraction: 1))], [1e-6, 2e-3, 2e-2, 2e-2, .infinity, .infinity, 1e-6]))
    func aStepIsAsExactAsItsFormat(format: GradientFormat, bound: Double) throws {
        @Sendable func gradients(_ format: GradientFormat) throws -> [Double] {
            let run = try Self.run(format, steps: 1)
            return try onRanks(2) { communicator in
                let trainer = try run.trainer(rank: communicator.rank)
                _ = try run.generation(trainer, communicator)
                return try trainer.state.method.network.parameters.flatMap { try values(#require($0.tensor.gradient)) }
            }[0].get()
        }
        let exact = try gradients(.float64)
        let error = try relativeError(gradients(format), exact)
        #expect(error <= bound, "\(format): \(error)")
        #expect(error > 0 && error.isFinite, "\(format) is a format of its own")
    }

    /// The results of `steps` steps with the same gradients, summed.
    static func total(_ format: GradientFormat, steps: Int, generations: Int = 1) throws -> [[Double]] {
        try onRanks(2) { communicator in
            let parameters = try GradientBucketsTests.parameters([[6, 4], [8]])
            let buckets = try GradientBuckets(parameters: parameters, format: format)
            var total = [Double](repeating: 0, count: 32)
            for _ in 0..<generations {
                let exchange = DirectExchange(communicator)
                for _ in 0..<steps {
                    try buckets.zero()
                    buckets.beginExchange(through: exchange)
                    for (index, parameter) in parameters.enumerated() {
                        let count = parameter.tensor.count
                        let gradient = (0..<count).map { Double(1 + ($0 * 7 + index) % count) / 64 }
                        try buckets.add(Tensor(gradient, shape: parameter.tensor.shape), to: parameter.tensor)
                    }
                    _ = try buckets.finishExchange()
                    let result = try parameters.flatMap { try values(#require($0.tensor.gradient)) }
                    total = zip(total, result).map(+)
                }
            }
            return total
        }.map { try $0.get() }
    }

    /// Largest and smallest gradients differ by a factor of 24, so that most are never among the first.
    @Test func whatIsLeftOutIsInLaterSteps() throws {
        let format = GradientFormat.compressed(.topK(fraction: 0.125))
        let exact = try Self.total(.float64, steps: 1)[0]
        for steps in [1, 30, 300] {
            let totals = try Self.total(format, steps: steps)
            #expect(totals[0] == totals[1])
            let missing = zip(exact, totals[0]).map { $0 * Double(steps) - $1 }
            // However many steps there were, it is a few steps' worth of the largest.
            #expect(missing.map(abs).max() ?? 0 <= 12 * (exact.max() ?? 0), "\(steps) steps: \(missing)")
            #expect(totals[0].contains(0) == (steps < 300), "the smallest have their turn in the end")
        }
    }

    @Test func aNewGenerationBeginsWithoutWhatWasLeftOut() throws {
        let format = GradientFormat.compressed(.topK(fraction: 0.125))
        let once = try Self.total(format, steps: 1)[0]
        #expect(try Self.total(format, steps: 1, generations: 20)[0] == once.map { $0 * 20 })
        #expect(try Self.total(format, steps: 20)[0] != once.map { $0 * 20 })
    }

    /// Rank 1 stays, rank 0 comes back empty and a third one joins; beside it the same with nothing but the state.
    @Test(arguments: formats)
    func aRunRegroupedIsARunResumed(format: GradientFormat) throws {
        var leaving = try Self.run(format, steps: 6)
        let run = leaving
        leaving.wish = { rank, step in rank == 1 && step == 3 ? .regroup : nil }
        let trainers = try OverlapFailureTests.Trainers(run, 3)
        let before = Lanes(size: 2).run(limits: run.limits) { [leaving] communicator, exchange, _ in
            try leaving.generation(trainers.all[communicator.rank], communicator, exchange: exchange)
        }
        let saved = try before[1].get()
        #expect(saved.completedSteps == 3)

        func rest(_ trainer: @escaping @Sendable (_ rank: Int) throws -> Trainer) throws -> [[String: [TensorRecord]]] {
            try Self.states(
                Lanes(size: 3).run(limits: run.limits) { communicator, exchange, _ in
                    try run.generation(trainer(communicator.rank), communicator, exchange: exchange, source: 1)
                })
        }
        let regrouped = try rest { rank in rank == 1 ? trainers.all[1] : try run.trainer(rank: rank) }
        Self.expectAgreement(regrouped, "\(format) regrouped")
        let resumed = try rest { rank in
            let trainer = try run.trainer(rank: rank)
            if rank == 1 {
                try trainer.state.restore(
                    CheckpointContents(
                        step: 3, epoch: 0, runID: "test", created: 0, configuration: "", metadata: [:],
                        groups: saved.state))
            }
            return trainer
        }
        Self.expectAgreement(resumed + regrouped, "\(format) resumed")
    }

    /// A step that breaks off anywhere is repeated by the same processes, which do not all know how far it came.
    @Test(arguments: [
        GradientFormat.compressed(.int8), .compressed(.topK(fraction: 0.1)), .compressed(.powerSGD(rank: 2)),
    ])
    func ranksAgreeAfterAStepThatBrokeOff(format: GradientFormat) throws {
        var run = try Self.run(format)
        run.limits = ringOnly
        var random = Philox(seed: 7, path: [1])
        for _ in 0..<8 {
            let messages = 1 + Int(random.uniformDouble() * 400)
            let trainers = try OverlapFailureTests.Trainers(run, 3)
            _ = Lanes(size: 3, gradientsEndAfter: messages).run(limits: run.limits) { [run] communicator, exchange, _ in
                try run.generation(trainers.all[communicator.rank], communicator, exchange: exchange)
            }
            let steps = trainers.all.map(\.state.completedSteps)
            let source = steps.firstIndex(of: steps.max() ?? 0) ?? 0
            let results = Lanes(size: 3).run(limits: run.limits) { [run] communicator, exchange, _ in
                try run.generation(
                    trainers.all[communicator.rank], communicator, exchange: exchange, source: source)
            }
            Self.expectAgreement(try Self.states(results), "\(format) after \(messages) messages")
        }
    }
}
