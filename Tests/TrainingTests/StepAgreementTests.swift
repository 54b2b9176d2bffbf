import Testing
import Training

/// What all ranks know after each step, and do alike.
@Suite struct StepAgreementTests {
    /// Six steps on four ranks, with wishes by rank and step.
    static func reports(_ wishes: [[Int]: YieldReason]) throws -> [RankReport] {
        var run = TestRun(try tinyRun(steps: 6))
        run.wish = { wishes[[$0, $1]] }
        return try run.reports(on: 4)
    }

    @Test(arguments: 0..<4)
    func aWishOfOneRankEndsTheGenerationOfAllAfterTheSameStep(rank: Int) throws {
        for reason in [YieldReason.regroup, .stop] {
            for report in try Self.reports([[rank, 2]: reason]) {
                let yielded = try #require(report.yielded)
                #expect(yielded == (nextStep: 3, reason: reason))
                #expect(report.completedSteps == 2)
            }
        }
    }

    @Test func aWishToStopOutweighsOneToRegroup() throws {
        let wishes: [[Int]: YieldReason] = [[0, 3]: .regroup, [1, 3]: .regroup, [2, 3]: .stop, [3, 3]: .regroup]
        for report in try Self.reports(wishes) {
            #expect(try #require(report.yielded) == (nextStep: 4, reason: .stop))
        }
    }

    @Test func theEarlierWishCountsThoughALaterOneIsStronger() throws {
        for report in try Self.reports([[3, 2]: .regroup, [1, 3]: .stop]) {
            #expect(try #require(report.yielded) == (nextStep: 3, reason: .regroup))
        }
    }

    @Test func everyRankIsAskedOnceAStepAndOnlyRankZeroTells() throws {
        let reports = try Self.reports([:])
        for (rank, report) in reports.enumerated() {
            #expect(report.hasFinished)
            #expect(report.questions == Array(1...6))
            #expect(report.records.map(\.step) == (rank == 0 ? Array(1...6) : []))
        }
        #expect(reports[0].records.allSatisfy { $0.workers == 4 && $0.imagesPerSecond > 0 })
    }

    @Test func allRanksHaveTheSameStateAfterAYield() throws {
        let reports = try Self.reports([[2, 4]: .regroup])
        for report in reports { expectSameBits(report.state, reports[0].state) }
    }

    @Test func phasesComeInOrder() throws {
        let phases = PhaseLog()
        var run = TestRun(try tinyRun(steps: 2))
        run.onPhase = { rank, phase, step in
            if rank == 1 { phases.append("\(phase.name) \(step)") }
        }
        _ = try run.reports(on: 2)
        let step = ["load", "forward", "loss", "backward", "reduce", "update"]
        #expect(phases.all == ["restore 1"] + step.map { "\($0) 1" } + step.map { "\($0) 2" })
    }

    @Test func aLossThatIsNoNumberEndsTheRunOnEveryRankBeforeItsUpdate() throws {
        let updates = PhaseLog()
        var run = TestRun(try tinyRun(steps: 6) { $0.optimizer.learningRate = 1e38 })
        run.onPhase = { _, phase, step in
            if phase == .update { updates.append("\(step)") }
        }
        var steps: Set<Int> = []
        for result in run.results(on: 3) {
            let error = try #require(throws: TrainingError.self) { try result.get() }
            guard case .lossIsNotFinite(let step, _) = error else {
                Issue.record("\(error)")
                continue
            }
            steps.insert(step)
        }
        let step = try #require(steps.first)
        #expect(steps.count == 1)
        #expect(Set(updates.all) == Set((1..<step).map(String.init)))
    }
}
