import Checkpoints
import Configuration
import Contrastive
import Testing
import Torch
import Training

/// Every method takes the same steps on any number of ranks: gradients of all parameters, biases and norms among them,
/// weights, targets, queues, banks and prototypes.
@Suite struct MethodWorldSizeTests {
    /// A generation's report and the gradients that its last step was taken with.
    struct Steps: Sendable {
        let report: RankReport
        let gradients: [String: [Double]]
    }

    static func steps(_ configuration: RunConfiguration, ranks: Int, resumed: CheckpointContents? = nil) throws
        -> [Steps]
    {
        var run = MethodRuns.run(configuration)
        run.resumed = resumed
        return try onRanks(ranks) { [run] communicator in
            let trainer = try run.trainer(rank: communicator.rank)
            let report = try run.generation(trainer, communicator)
            var gradients: [String: [Double]] = [:]
            for parameter in trainer.state.method.network.parameters {
                gradients[parameter.name] = try values(#require(parameter.tensor.gradient))
            }
            return Steps(report: report, gradients: gradients)
        }.map { try $0.get() }
    }

    static func expectSame(_ steps: [Steps], as one: Steps, _ what: String) {
        #expect(relativeError(steps[0].report.losses, one.report.losses) <= 1e-6, "\(what): \(steps[0].report.losses)")
        for (rank, own) in steps.enumerated() {
            let largest = largestDifference(own.report.state, one.report.state)
            #expect(largest.error <= 1e-5, "\(what), rank \(rank): \(largest)")
            expectSameBits(own.report.state, steps[0].report.state, "\(what), rank \(rank)")
            for (name, expected) in one.gradients {
                let error = relativeError(own.gradients[name] ?? [], expected)
                #expect(error <= 1e-4, "\(what), rank \(rank), \(name): \(error)")
            }
        }
    }

    @Test(arguments: MethodRuns.all)
    func everyNumberOfRanksTakesTheStepsOfOne(variant: MethodRuns.Variant) throws {
        for (batchNorm, worlds) in [(RunConfiguration.BatchNorm.sync, [2, 3, 4, 8]), (.slice, [3])] {
            let configuration = try MethodRuns.configuration(variant) {
                if $0.batchNorm != .shuffle { $0.batchNorm = batchNorm }
            }
            let one = try Self.steps(configuration, ranks: 1)[0]
            #expect(one.report.losses.count == 3 && one.report.losses.allSatisfy(\.isFinite))
            for ranks in worlds {
                try Self.expectSame(
                    Self.steps(configuration, ranks: ranks), as: one, "\(variant), \(batchNorm), \(ranks) ranks")
            }
        }
    }

    @Test(arguments: MethodRuns.all)
    func aReproducibleRunHasTheBitsOfOneRank(variant: MethodRuns.Variant) throws {
        let configuration = try MethodRuns.configuration(variant) { $0.reproducible = true }
        let one = try MethodRuns.run(configuration).reports(on: 1)[0]
        let reports = try MethodRuns.run(configuration).reports(on: 3)
        #expect(reports[0].losses == one.losses, "\(variant)")
        for report in reports { expectSameBits(report.state, one.state, "\(variant)") }
    }

    /// Two steps on some ranks, a checkpoint, and two more on others are four on two.
    @Test(arguments: MethodRuns.all)
    func aResumedRunIsTheSameAtAnotherWorldSize(variant: MethodRuns.Variant) throws {
        let scratch = try Scratch()
        let configuration = try MethodRuns.configuration(variant, steps: 4)
        let straight = try Self.steps(configuration, ranks: 2)[0]
        var first = MethodRuns.run(configuration)
        first.checkpoints = { _ in
            CheckpointWriter(store: CheckpointStore(directory: "\(scratch.path)/run"), keep: 1)
        }
        first.wish = { rank, step in rank == 0 && step == 3 ? .stop : nil }
        _ = try first.reports(on: 3)
        let after = try Self.steps(configuration, ranks: 4, resumed: scratch.newest(in: "run"))
        #expect(after[0].report.records.map(\.step) == [4])
        let largest = largestDifference(after[0].report.state, straight.report.state)
        #expect(largest.error <= 1e-5, "\(variant): \(largest)")
    }

    /// What a method trains and remembers changes in three steps; what it freezes does not.
    @Test(arguments: MethodRuns.all)
    func theStepsMoveEverythingThatIsNotFrozen(variant: MethodRuns.Variant) throws {
        let configuration = try MethodRuns.configuration(variant)
        let run = MethodRuns.run(configuration)
        let start = try run.trainer(rank: 0).state.groups()
        let end = try run.reports(on: 1)[0].state
        for (group, records) in end {
            for (before, after) in zip(start[group] ?? [], records) where !after.name.contains("prototypes") {
                #expect(before.values != after.values, "\(group)/\(before.name)")
            }
        }
    }

    @Test func everyParameterThatIsNotFrozenGetsAGradient() throws {
        for variant in MethodRuns.all {
            let steps = try Self.steps(MethodRuns.configuration(variant), ranks: 2)[0]
            for (name, gradient) in steps.gradients {
                #expect(gradient.contains { $0 != 0 }, "\(variant): \(name)")
            }
        }
    }
}
