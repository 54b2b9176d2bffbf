import Configuration
import Testing
import Training

@Suite struct CollapseTests {
    static func report(_ variant: MethodRuns.Variant) throws -> RankReport {
        let configuration = try MethodRuns.configuration(variant, steps: 120, batch: 16, slice: 8) {
            $0.optimizer.learningRate = 0.5
            $0.optimizer.biasLearningRate = nil
            $0.collapse.every = 5
        }
        return try MethodRuns.run(configuration).reports(on: 2)[0]
    }

    /// BYOL without predictor, target and stopped gradient falls onto one point, and the run says so once.
    @Test func byolWithoutWhatHoldsItUpCollapsesAndIsReported() throws {
        let variant = MethodRuns.Variant(.byol, " without target") { $0.target.enabled = false }
        let report = try Self.report(variant)
        let warnings = report.notices.filter { $0.contains("features collapse") }
        #expect(warnings.count == 1, "\(report.notices)")
        #expect(try #require(report.records.last?.deviation) < 0.05)
    }

    @Test func simCLRUnderTheSameRuleDoesNot() throws {
        let report = try Self.report(MethodRuns.Variant(.simclr))
        #expect(report.notices.isEmpty)
        #expect(try #require(report.records.last?.deviation) > 0.2)
    }

    @Test func theLogHasTheStatisticsOfTheStepsThatWereLookedAt() throws {
        let configuration = try MethodRuns.configuration(MethodRuns.Variant(.simclr), steps: 7) {
            $0.collapse.every = 3
        }
        let records = try MethodRuns.run(configuration).reports(on: 2)[0].records
        #expect(records.filter { $0.effectiveRank != nil }.map(\.step) == [3, 6, 7])
        for record in records {
            let read = try #require(StepRecord(jsonLine: record.jsonLine()))
            #expect((read.uniformity == nil) == (record.uniformity == nil))
        }
    }

    @Test func itCanBeSwitchedOff() throws {
        let configuration = try MethodRuns.configuration(MethodRuns.Variant(.simclr)) { $0.collapse.every = 0 }
        #expect(try MethodRuns.run(configuration).reports(on: 1)[0].records.allSatisfy { $0.deviation == nil })
    }
}
