import Checkpoints
import Collectives
import Configuration
import Testing
import Training

/// `reproducible: true`: not a single bit of a run depends on the number of ranks, nor on the order in which they add.
@Suite struct ReproducibleTests {
    static func run(
        _ batchNorm: RunConfiguration.BatchNorm, _ optimizer: (RunConfiguration.Optimizer.Name, Double),
        seed: UInt64 = 11
    ) throws -> TestRun {
        var run = try WorldSizeTests.run(batchNorm, optimizer, seed: seed)
        run.configuration.reproducible = true
        run.configuration.steps = 5
        return run
    }

    static func expectSame(_ reports: [RankReport], as one: RankReport, _ what: String) {
        #expect(reports[0].losses == one.losses, "\(what)")
        for (rank, report) in reports.enumerated() { expectSameBits(report.state, one.state, "\(what), rank \(rank)") }
    }

    @Test(arguments: RunConfiguration.BatchNorm.allCases, optimizerSettings)
    func everyNumberOfRanksHasTheBitsOfOne(
        batchNorm: RunConfiguration.BatchNorm, optimizer: (RunConfiguration.Optimizer.Name, Double)
    ) throws {
        let run = try Self.run(batchNorm, optimizer)
        let one = try run.reports(on: 1)[0]
        #expect(one.losses.count == 5)
        for ranks in [2, 3, 4, 8] {
            Self.expectSame(try run.reports(on: ranks), as: one, "\(batchNorm), \(optimizer.0), \(ranks) ranks")
        }
    }

    @Test(arguments: RunConfiguration.BatchNorm.allCases, [1, 2, 3] as [UInt64])
    func everyWayBetweenTheRanksHasTheBitsOfOne(batchNorm: RunConfiguration.BatchNorm, seed: UInt64) throws {
        var run = try Self.run(batchNorm, optimizerSettings[1], seed: seed)
        let one = try run.reports(on: 1)[0]
        for hosts in [[0, 0], [0, 0, 1], [0, 1, 0, 1]] {
            let reports = try run.overlappedResults(on: hosts.count, hosts: hosts).map { try $0.get() }
            Self.expectSame(reports, as: one, "\(batchNorm), \(hosts)")
        }
        run.limits = ringOnly
        for ranks in [2, 5, 8] {
            Self.expectSame(try run.reports(on: ranks), as: one, "\(batchNorm), \(ranks) ranks round the ring")
        }
    }

    /// Three steps on three ranks, the rest on five.
    @Test(arguments: RunConfiguration.BatchNorm.allCases)
    func aResumedRunHasTheBitsOfOneThatWentOn(batchNorm: RunConfiguration.BatchNorm) throws {
        let scratch = try Scratch()
        var run = try Self.run(batchNorm, optimizerSettings[2])
        let one = try run.reports(on: 1)[0]
        var first = run
        first.checkpoints = { _ in CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run"), keep: 1) }
        first.wish = { rank, step in rank == 0 && step == 3 ? .stop : nil }
        let before = try first.reports(on: 3)
        run.resumed = try scratch.newest(in: "run")
        let after = try run.reports(on: 5)
        #expect(before[0].losses + after[0].losses == one.losses)
        for report in after { expectSameBits(report.state, one.state, "\(batchNorm)") }
    }
}
