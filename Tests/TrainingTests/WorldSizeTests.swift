import Collectives
import Configuration
import Testing
import Training

/// The number of ranks does not show: losses, parameters, running statistics and optimiser state of several steps.
@Suite struct WorldSizeTests {
    /// Eight slices, the last one shorter, so that shares are uneven on 3 ranks and on 8.
    static func run(
        _ batchNorm: RunConfiguration.BatchNorm, _ optimizer: (RunConfiguration.Optimizer.Name, Double),
        batch: Int = 23, slice: Int = 3, seed: UInt64 = 11
    ) throws -> TestRun {
        TestRun(
            try tinyRun(steps: 3, batch: batch, slice: slice) {
                $0.batchNorm = batchNorm
                $0.optimizer.name = optimizer.0
                $0.optimizer.learningRate = optimizer.1
                $0.schedule.warmupSteps = 2
                $0.seed = seed
            })
    }

    static func expectSame(_ reports: [RankReport], as one: RankReport, _ what: String) {
        #expect(one.losses.count == 3 && one.losses.allSatisfy { $0 > 0 })
        #expect(relativeError(reports[0].losses, one.losses) <= 1e-12, "\(what): losses \(reports[0].losses)")
        for (rank, report) in reports.enumerated() {
            let largest = largestDifference(report.state, one.state)
            #expect(largest.error <= 1e-6, "\(what), rank \(rank): \(largest)")
            // Between ranks of one run nothing at all may differ.
            expectSameBits(report.state, reports[0].state, "\(what), rank \(rank)")
        }
    }

    @Test(arguments: RunConfiguration.BatchNorm.allCases, optimizerSettings)
    func everyNumberOfRanksTakesTheStepsOfOne(
        batchNorm: RunConfiguration.BatchNorm, optimizer: (RunConfiguration.Optimizer.Name, Double)
    ) throws {
        let run = try Self.run(batchNorm, optimizer)
        let one = try run.reports(on: 1)[0]
        for ranks in [2, 3, 4, 8] {
            Self.expectSame(try run.reports(on: ranks), as: one, "\(batchNorm), \(optimizer.0), \(ranks) ranks")
        }
    }

    /// The order in which ranks add their parts is another one round the ring than by recursive doubling.
    @Test(arguments: RunConfiguration.BatchNorm.allCases, [1, 2, 3] as [UInt64])
    func theOrderOfAddendsDoesNotChangeTheBits(batchNorm: RunConfiguration.BatchNorm, seed: UInt64) throws {
        var run = try Self.run(batchNorm, optimizerSettings[1], batch: 16, slice: 4, seed: seed)
        let one = try run.reports(on: 1)[0]
        for limits in [CollectiveLimits(), ringOnly] {
            run.limits = limits
            for ranks in [2, 3, 4] {
                let reports = try run.reports(on: ranks)
                for report in reports {
                    expectSameBits(report.state, one.state, "seed \(seed), \(ranks) ranks, \(limits)")
                }
            }
        }
    }

    /// One slice a rank, all of one image: the smallest pieces there can be.
    @Test func slicesOfOneImageAreEnough() throws {
        for batchNorm in RunConfiguration.BatchNorm.allCases {
            let run = try Self.run(batchNorm, optimizerSettings[2], batch: 4, slice: 1)
            let one = try run.reports(on: 1)[0]
            for ranks in [3, 4] { Self.expectSame(try run.reports(on: ranks), as: one, "\(batchNorm), \(ranks) ranks") }
        }
    }

    @Test func theStepsDoMoveTheModel() throws {
        for optimizer in optimizerSettings {
            let run = try Self.run(.sync, optimizer)
            let start = try run.trainer(rank: 0).state.groups()
            let end = try run.reports(on: 1)[0].state
            for group in ["backbone", "heads", "state"] {
                for (before, after) in zip(start[group] ?? [], end[group] ?? []) {
                    // Learnt parameters, statistics and optimiser state alike.
                    let hasMoved = before.values != after.values
                    #expect(hasMoved, "\(optimizer.0): \(group)/\(before.name)")
                }
            }
        }
    }

    @Test func anotherSeedIsAnotherRun() throws {
        let losses = try [1, 2].map { try Self.run(.sync, optimizerSettings[1], seed: $0).reports(on: 1)[0].losses }
        #expect(relativeError(losses[0], losses[1]) > 1e-3)
    }
}
