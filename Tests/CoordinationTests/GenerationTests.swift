import ClusterProtocol
import Coordination
import Testing

/// Who is in the next ring and where its state comes from.
@Suite struct GenerationTests {
    private func form(_ driver: CoordinatorDriver, _ node: UInt8) -> Message.Form? {
        driver.messages(to: node).reversed().lazy.compactMap { message in
            if case .form(let form) = message { form } else { nil }
        }.first
    }

    @Test func theOnlyHolderOfTheStateHandsItOverBeforeItLeaves() {
        var driver = CoordinatorDriver(expected: 1)
        driver.gather([1])
        driver.gather([2])
        #expect(driver.messages(to: 1).last == .yield(.regroup))
        driver.say(1, .leave)
        driver.say(1, .idle(nextStep: 4, hasState: true, reason: .regroup))

        #expect(driver.generation == Generation(2))
        #expect(form(driver, 2)?.members.map(\.pid) == [101, 102])
        #expect(form(driver, 2)?.stateSource == .rank(0))
        #expect(driver.messages(to: 1).last == .yield(.regroup))

        driver.say(1, .idle(nextStep: 5, hasState: true, reason: .regroup))
        driver.say(2, .idle(nextStep: 5, hasState: true, reason: .regroup))
        #expect(driver.generation == Generation(3))
        #expect(form(driver, 2)?.members.map(\.pid) == [102])
        #expect(form(driver, 2)?.startStep == 5)
        #expect(driver.messages(to: 1).last == .end(exitCode: 0, text: "left as asked"))
    }

    @Test func withOnePlaceInTheRingItsHolderSavesInsteadOfHandingOver() {
        var driver = CoordinatorDriver(expected: 1, maximumRanks: 1)
        driver.gather([1])
        driver.gather([2])
        #expect(driver.messages(to: 2).last?.id == .standby)
        driver.say(1, .leave)
        #expect(driver.messages(to: 1).last == .yield(.stop))
        driver.say(1, .idle(nextStep: 4, hasState: true, reason: .stop))
        #expect(driver.decided?.exitCode == ExitCode.success)
        #expect(driver.decided?.text.hasPrefix("the last workers left before step 4; the state is saved") == true)
    }

    @Test func withoutAnotherWriterTheLastOneSavesBeforeItLeaves() {
        var driver = CoordinatorDriver(expected: 2) { $0.rankZeroNeedsRunDirectory = true }
        driver.gather([1])
        driver.gather([2], seesRunDirectory: false)
        driver.say(1, .leave)
        #expect(driver.messages(to: 2).last == .yield(.stop))
    }

    @Test func aLeaverThatDiesAtTheBoundaryHasLeft() {
        var driver = CoordinatorDriver(expected: 2)
        driver.gather([1, 2])
        driver.say(2, .leave)
        driver.say(2, .idle(nextStep: 4, hasState: true, reason: .regroup))
        driver.handle(.workerProcessExited(host: "a", pid: 102, status: "killed by signal 9", now: driver.now))
        driver.say(1, .idle(nextStep: 4, hasState: true, reason: .regroup))
        #expect(driver.generation == Generation(2))
        #expect(form(driver, 1)?.members.map(\.pid) == [101])
        #expect(driver.decided == nil)
    }

    @Test func aRunWhoseLastHolderIsGoneDoesNotBeginAnew() {
        var driver = CoordinatorDriver(expected: 1)
        driver.gather([1])
        driver.gather([2])
        driver.say(1, .leave)
        driver.say(1, .idle(nextStep: 4, hasState: true, reason: .regroup))
        // In the handover ring.
        driver.handle(.workerProcessExited(host: "a", pid: 101, status: "killed by signal 9", now: driver.now))
        driver.pass(200, alive: [2])
        #expect(driver.decided?.exitCode == ExitCode.workerLost)
    }

    @Test func aJoinerThatIsNotPreparedDoesNotDisturbTheRing() {
        var driver = CoordinatorDriver(expected: 1)
        driver.gather([1])
        driver.say(2, CoordinatorDriver.join(2))
        #expect(driver.messages(to: 1).last?.id == .form)
        driver.say(2, .prepared(seesRunDirectory: true))
        #expect(driver.messages(to: 1).last == .yield(.regroup))
    }
}
