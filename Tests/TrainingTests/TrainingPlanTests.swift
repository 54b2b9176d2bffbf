import Configuration
import Testing
import Training

/// The numbers that follow from configuration and dataset.
@Suite struct TrainingPlanTests {
    @Test func whatIsLeftOverOfAnEpochIsNotUsedInIt() throws {
        let plan = try TrainingPlan(tinyRun(steps: 7, batch: 8), datasetCount: 20)
        #expect(plan.stepsPerEpoch == 2)
        #expect((1...5).map(plan.epoch(ofStep:)) == [0, 0, 1, 1, 2])
        #expect((1...5).map(plan.positions(ofStep:)) == [0..<8, 8..<16, 0..<8, 8..<16, 0..<8])
    }

    @Test func theLengthIsThatOfTheStepsOrOfTheEpochs() throws {
        #expect(try TrainingPlan(tinyRun(steps: 7), datasetCount: 20).totalSteps == 7)
        let epochs = try tinyRun(steps: 0) {
            $0.steps = nil
            $0.epochs = 3
        }
        #expect(try TrainingPlan(epochs, datasetCount: 20).totalSteps == 6)
    }

    @Test func slicesCoverTheBatch() throws {
        for (batch, slice, count) in [(8, 2, 4), (9, 2, 5), (9, 9, 1), (7, 1, 7)] {
            let plan = try TrainingPlan(tinyRun(steps: 1, batch: batch, slice: slice), datasetCount: 20)
            #expect(plan.sliceCount == count)
        }
    }

    @Test func aBatchLargerThanTheDatasetIsRefused() throws {
        let configuration = try tinyRun(steps: 1, batch: 8)
        #expect(try TrainingPlan(configuration, datasetCount: 8).stepsPerEpoch == 1)
        let error = try #require(throws: TrainingError.self) {
            try TrainingPlan(configuration, datasetCount: 7)
        }
        #expect(error.description.contains("global_batch=8") && error.description.contains("7 images"))
    }

    /// Goyal et al., 2017: linear; SimCLR, appendix B.1: 0.075·√N, which is 1.2 for 256.
    @Test(arguments: [(RunConfiguration.Optimizer.RateRule.none, 1.0), (.linear, 4.0), (.sqrt, 2.0)])
    func learningRatesGrowWithTheBatchByTheRule(rule: RunConfiguration.Optimizer.RateRule, factor: Double) throws {
        let configuration = try tinyRun(steps: 10, batch: 64) {
            $0.optimizer.learningRate = 0.5
            $0.optimizer.biasLearningRate = 0.25
            $0.optimizer.rateRule = rule
            $0.optimizer.rateBatch = 16
            $0.schedule.finalLearningRate = 0.1
        }
        let plan = try TrainingPlan(configuration, datasetCount: 64)
        #expect(plan.schedule.rate(at: 0) == 0.5 * factor)
        #expect(abs(plan.schedule.rate(at: 10) - 0.1 * factor) < 1e-12)
        // A share of the other rate, so that it grows alike.
        #expect(configuration.biasRate == 0.5)
        let simCLR = try tinyRun(steps: 1, batch: 64) {
            $0.optimizer.learningRate = 1.2
            $0.optimizer.rateRule = .sqrt
        }
        #expect(abs(simCLR.peakLearningRate - 0.075 * 64.0.squareRoot()) < 1e-12)
    }

    @Test func aWarmUpInImagesIsTheSameAtAnyBatch() throws {
        for (batch, steps) in [(8, 13), (64, 2), (33, 4)] {
            let configuration = try tinyRun(steps: 20, batch: batch) { $0.schedule.warmupImages = 100 }
            #expect(try TrainingPlan(configuration, datasetCount: 64).schedule.warmupSteps == steps)
        }
        let error = try #require(throws: TrainingError.self) {
            try TrainingPlan(tinyRun(steps: 4, batch: 8) { $0.schedule.warmupImages = 100 }, datasetCount: 64)
        }
        #expect(error.description.contains("warm-up of 13 steps"))
    }

    @Test func aWarmUpLongerThanTheRunIsRefused() throws {
        let bySteps = try tinyRun(steps: 4) { $0.schedule.warmupSteps = 5 }
        let byEpochs = try tinyRun(steps: 4) { $0.schedule.warmupEpochs = 2.5 }
        for configuration in [bySteps, byEpochs] {
            let error = try #require(throws: TrainingError.self) {
                try TrainingPlan(configuration, datasetCount: 20)
            }
            #expect(error.description.contains("warm-up of 5 steps"))
        }
    }

    @Test func theWarmUpEndsAtTheBaseRateAndTheCosineAtTheFinalOne() throws {
        let configuration = try tinyRun(steps: 10) {
            $0.optimizer.learningRate = 0.5
            $0.schedule.warmupEpochs = 2
            $0.schedule.finalLearningRate = 0.1
        }
        let plan = try TrainingPlan(configuration, datasetCount: 16)
        #expect((0..<4).map(plan.schedule.rate(at:)) == [0.125, 0.25, 0.375, 0.5])
        #expect(abs(plan.schedule.rate(at: 10) - 0.1) < 1e-12)
        let constant = try tinyRun(steps: 10) { $0.schedule.name = .constant }
        #expect(try TrainingPlan(constant, datasetCount: 16).schedule.rate(at: 9) == 0.05)
    }
}
