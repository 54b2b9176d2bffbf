import Collectives
import Configuration
import Contrastive
import Testing
import Torch
import Training

/// Gradients that travel while backward still runs: nothing of it shows in the result.
@Suite struct OverlapTests {
    /// Eight slices, the last one shorter, so that shares are uneven; many buckets of a few parameters.
    static func run(
        _ batchNorm: RunConfiguration.BatchNorm, steps: Int = 3, bucketBytes: Int = 16 << 10, seed: UInt64 = 11
    ) throws -> TestRun {
        TestRun(
            try tinyRun(steps: steps, batch: 23, slice: 3) {
                $0.batchNorm = batchNorm
                $0.seed = seed
                $0.collectives.bucketBytes = bucketBytes
            })
    }

    static func expectSame(_ results: [Result<RankReport, any Error>], as one: RankReport, _ what: String) throws {
        for (rank, result) in results.enumerated() {
            let report = try result.get()
            #expect(report.hasFinished)
            expectSameBits(report.state, one.state, "\(what), rank \(rank)")
        }
        #expect(try results[0].get().losses.count == one.losses.count)
    }

    @Test(arguments: RunConfiguration.BatchNorm.allCases, [CollectiveLimits(), ringOnly])
    func theBitsAreThoseWithout(batchNorm: RunConfiguration.BatchNorm, limits: CollectiveLimits) throws {
        var run = try Self.run(batchNorm)
        run.limits = limits
        for ranks in 1...4 {
            let without = try run.reports(on: ranks)
            for bucketBytes in [4096, 4 << 20] {
                var other = run
                other.configuration.collectives.bucketBytes = bucketBytes
                let results = other.overlappedResults(on: ranks)
                try Self.expectSame(results, as: without[0], "\(batchNorm), \(ranks) ranks, \(bucketBytes) bytes")
                #expect(try results[0].get().losses == without[0].losses)
            }
        }
    }

    @Test(arguments: RunConfiguration.BatchNorm.allCases, [[0, 0], [0, 0, 1], [0, 1, 0, 1]])
    func theBitsAreThoseWithoutWhereMemoryIsShared(batchNorm: RunConfiguration.BatchNorm, hosts: [Int]) throws {
        let run = try Self.run(batchNorm)
        let without = try run.reports(on: hosts.count)
        try Self.expectSame(
            run.overlappedResults(on: hosts.count, hosts: hosts), as: without[0], "\(batchNorm) \(hosts)")
    }

    /// The counts of forward are exact: nothing waits for the end, and nothing leaves before its last gradient.
    @Test(arguments: RunConfiguration.BatchNorm.allCases, [1, 2, 3])
    func everyBucketLeavesWithinBackwardInTheSameOrder(batchNorm: RunConfiguration.BatchNorm, ranks: Int) throws {
        var run = try Self.run(batchNorm, steps: 2)
        let words = (0..<ranks).map { _ in PhaseLog() }
        run.onPhase = { rank, phase, step in words[rank].append("\(phase.name)") }
        let counts = onRanks(ranks) { [run] communicator in
            let log = words[communicator.rank]
            let exchange = NotingExchange(communicator) { log.append("\($0) sums") }
            return try run.generation(run.trainer(rank: communicator.rank), communicator, exchange: exchange)
        }
        for result in counts { _ = try result.get() }
        for log in words {
            #expect(log.all == words[0].all)
            let steps = log.all.split(separator: "backward").dropFirst()
            #expect(steps.count == 2)
            for step in steps {
                let within = step.prefix { $0 != "reduce" }
                #expect(within.count > 10 && within.allSatisfy { $0.hasSuffix(" sums") }, "\(within)")
                #expect(!step.drop { $0 != "reduce" }.contains { $0.hasSuffix(" sums") }, "\(step)")
            }
        }
    }

    @Test func rankZeroTellsWhatWasHidden() throws {
        let run = try Self.run(.sync)
        let records = try run.overlappedResults(on: 2)[0].get().records
        #expect(records.allSatisfy { $0.communicationSeconds ?? 0 > 0 })
        #expect(records.allSatisfy { (0...1).contains($0.hiddenShare ?? -1) })
        // Without overlap all of it is waited for.
        #expect(try run.reports(on: 2)[0].records.allSatisfy { $0.hiddenShare == 0 })
        #expect(try run.reports(on: 1)[0].records.allSatisfy { $0.hiddenShare == nil })
    }

    @Test func aLossThatIsNoNumberEndsAllRanks() throws {
        var run = try Self.run(.sync, steps: 6)
        run.configuration.optimizer.learningRate = 1e38
        for result in run.overlappedResults(on: 3) {
            let error = try #require(throws: TrainingError.self) { try result.get() }
            guard case .lossIsNotFinite = error else {
                Issue.record("\(error)")
                continue
            }
        }
    }

    /// Sums of one rank's NaN and another's numbers.
    @Test func gradientsThatAreNoNumbersHaveTheSameBits() throws {
        @Sendable func bits(_ communicator: Communicator, _ exchange: any GradientExchange) throws -> [UInt32] {
            let parameters = try GradientBucketsTests.parameters([[3], [5], [2, 2]])
            let buckets = try GradientBuckets(parameters: parameters, bucketBytes: 40)
            try buckets.zero()
            for parameter in parameters { buckets.expect(1, for: parameter.tensor) }
            buckets.beginExchange(through: exchange)
            for (index, parameter) in parameters.enumerated().reversed() {
                let isBad = index == 1 && communicator.rank == 1
                let values = Array(repeating: isBad ? -Double.nan : 0.25, count: parameter.tensor.count)
                try buckets.add(Tensor(values, shape: parameter.tensor.shape), to: parameter.tensor)
            }
            _ = try buckets.finishExchange()
            return try parameters.flatMap { try #require($0.tensor.gradient).floats().map(\.bitPattern) }
        }
        let without = try onRanks(3) { try bits($0, DirectExchange($0)) }.map { try $0.get() }
        let with = try Lanes(size: 3).run { communicator, exchange, _ in try bits(communicator, exchange) }
            .map { try $0.get() }
        #expect(Set(without + with).count == 1)
        #expect(without[0].map { Float(bitPattern: $0).isNaN } == (0..<12).map { (3..<8).contains($0) })
    }

    /// Of three buckets the middle one has a parameter that gets nothing; a layer that is applied twice counts twice.
    @Test func aBucketWaitsForAllItsGradientsAndForThoseBeforeIt() throws {
        let parameters = try GradientBucketsTests.parameters([[3], [2], [4]])
        let buckets = try GradientBuckets(parameters: parameters, bucketBytes: 8)
        let communicator = Communicator(link: Lanes(size: 1).main.link(rank: 0))
        var left: [Int] = []
        let exchange = NotingExchange(communicator) { left.append($0) }
        let add = { (index: Int) in
            let tensor = parameters[index].tensor
            try buckets.add(Tensor.ones(tensor.shape), to: tensor)
        }
        for unused in [1, 0, nil] {
            try buckets.zero()
            left = []
            for index in 0..<3 where index != unused { buckets.expect(1, for: parameters[index].tensor) }
            buckets.expect(1, for: parameters[2].tensor)
            buckets.beginExchange(through: exchange)
            for index in [0, 1] where index != unused { try add(index) }
            try add(2)
            #expect(left == [])
            try add(2)
            #expect(left == (unused == 1 ? [4] : unused == 0 ? [4, 2] : [4, 2, 3]))
            #expect(try buckets.finishExchange() == nil)
            #expect(left == [4, 2, 3])
            #expect(try values(#require(parameters[2].tensor.gradient)) == [2, 2, 2, 2])
        }
    }
}
