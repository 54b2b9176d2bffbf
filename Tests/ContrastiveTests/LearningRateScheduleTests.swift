import Contrastive
import Foundation
import Testing

@Suite struct LearningRateScheduleTests {
    @Test func warmUpRisesInEqualStepsToTheBaseRate() throws {
        let schedule = try LearningRateSchedule(base: 0.8, warmupSteps: 4, totalSteps: 10, decay: .constant)
        let expected = [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]
        for (step, rate) in expected.enumerated() { #expect(abs(schedule.rate(at: step) - rate) < 1e-15) }
    }

    @Test func theCosineFallsFromTheBaseToTheFinalRate() throws {
        let schedule = try LearningRateSchedule(
            base: 1, warmupSteps: 10, totalSteps: 110, decay: .cosine(final: 0.2))
        #expect(schedule.rate(at: 10) == 1)
        #expect(abs(schedule.rate(at: 60) - 0.6) < 1e-12)
        #expect(abs(schedule.rate(at: 35) - (0.2 + 0.4 * (1 + cos(.pi / 4)))) < 1e-12)
        #expect(abs(schedule.rate(at: 110) - 0.2) < 1e-12)
        #expect(schedule.rate(at: 500) == schedule.rate(at: 110))
        for step in 10..<109 { #expect(schedule.rate(at: step) > schedule.rate(at: step + 1)) }
    }

    @Test func milestonesMultiply() throws {
        let schedule = try LearningRateSchedule(
            base: 0.03, totalSteps: 200, decay: .steps(milestones: [120, 160], factor: 0.1))
        for (step, rate) in [(0, 0.03), (119, 0.03), (120, 0.003), (160, 0.0003), (900, 0.0003)] {
            #expect(abs(schedule.rate(at: step) - rate) < 1e-15, "step \(step)")
        }
    }

    @Test func aRunOfWarmUpAloneOrOfNoStepsHasARate() throws {
        #expect(try LearningRateSchedule(base: 1, warmupSteps: 5, totalSteps: 5).rate(at: 5).isFinite)
        #expect(try LearningRateSchedule(base: 1, totalSteps: 0).rate(at: 0) == 1)
    }

    @Test func ratesAndCountsBelowZeroAreRefused() {
        #expect(throws: ContrastiveError.self) { try LearningRateSchedule(base: -1, totalSteps: 1) }
        #expect(throws: ContrastiveError.self) { try LearningRateSchedule(base: .nan, totalSteps: 1) }
        #expect(throws: ContrastiveError.self) { try LearningRateSchedule(base: 1, warmupSteps: -1, totalSteps: 1) }
    }
}
