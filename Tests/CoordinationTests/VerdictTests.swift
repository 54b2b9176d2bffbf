import ClusterProtocol
import Coordination
import Testing

/// Who is named when something breaks.
@Suite struct VerdictTests {
    private func running(_ nodes: [UInt8]) -> CoordinatorDriver {
        var driver = CoordinatorDriver(expected: nodes.count)
        driver.gather(nodes)
        driver.pass(500, alive: nodes, step: 17)
        return driver
    }

    @Test func silenceNamesWhoWhereSinceWhenAndTheLimit() {
        var driver = running([1, 2])
        driver.pass(4_000, alive: [1], step: 17)
        #expect(
            driver.decided?.text
                == "worker 1 (rank 1, host a, pid 102) was lost at step 17 in phase backward: "
                + "silent for 3.1 s (limit 3.0 s)")
        #expect(driver.decided?.exitCode == ExitCode.workerLost)
        #expect(driver.messages(to: 1).suffix(2).map(\.id) == [.abort, .end])
    }

    @Test func aVictimsEchoThatComesFirstDoesNotHideTheCause() {
        var driver = running([1, 2, 3])
        // Workers 0 and 2 complain, with and without a suspicion; worker 1 says nothing any more.
        driver.say(1, .failed(exitCode: ExitCode.workerLost, text: "all-reduce aborted"))
        driver.say(3, .suspect(rank: 1, text: "closed"))
        driver.say(3, .failed(exitCode: 1, text: "collective broke"))
        #expect(driver.decided == nil)
        driver.pass(1_500, alive: [1, 3])
        #expect(driver.decided?.text.hasPrefix("worker 1 (rank 1, host a, pid 102) was lost") == true)
        #expect(driver.decided?.text.contains("limit 1.0 s since worker 2 (rank 2") == true)
    }

    @Test func anEchoThatNothingExplainsIsNamedInTheEnd() {
        var driver = running([1, 2])
        driver.say(1, .failed(exitCode: ExitCode.noCluster, text: "no connection to rank 1"))
        driver.pass(3_500, alive: [1, 2])
        #expect(driver.decided?.text.hasPrefix("worker 0 (rank 0, host a, pid 101) failed at step") == true)
    }

    @Test func aConfessionCountsMoreThanTheExitThatFollowsIt() {
        var driver = running([1, 2])
        // The launcher is quicker than the worker's last message.
        driver.handle(.workerProcessExited(host: "a", pid: 102, status: "exit status 3", now: driver.now))
        driver.say(2, .failed(exitCode: 3, text: "loss is not a number"))
        #expect(driver.decided?.exitCode == 3)
        #expect(driver.decided?.text.hasSuffix("in phase backward: loss is not a number") == true)
    }

    @Test func aSuspectWhoAnswersIsNotEvicted() {
        var driver = running([1, 2])
        driver.say(1, .suspect(rank: 1, text: "closed"))
        driver.pass(2_000, alive: [1, 2])
        #expect(driver.decided == nil)
        // Over a boundary after all: nothing is held against anyone.
        driver.say(1, .idle(nextStep: 8, hasState: true, reason: .regroup))
        driver.say(2, .idle(nextStep: 8, hasState: true, reason: .regroup))
        driver.pass(4_000, alive: [1, 2])
        #expect(driver.decided == nil)
        #expect(driver.generation == Generation(2))
    }

    @Test func severalLostAtOnceAreAllNamed() {
        var driver = running([1, 2, 3])
        driver.handle(.workerProcessExited(host: "a", pid: 103, status: "killed by signal 9", now: driver.now))
        driver.handle(.workerProcessExited(host: "a", pid: 101, status: "killed by signal 9", now: driver.now))
        driver.pass(150, alive: [2])
        let text = driver.decided?.text ?? ""
        #expect(text.hasPrefix("worker 2 (rank 2, host a, pid 103) was lost"))
        #expect(text.contains("; worker 0 (rank 0, host a, pid 101) was lost"))
    }

    @Test func aClosedControlConnectionShortensTheLimitUntilItIsBack() {
        var driver = running([1, 2])
        driver.handle(.connectionUndeliverable(ConnectionID([2]), now: driver.now))
        driver.say(2, .heartbeat(step: 17, phase: "backward"))
        driver.pass(1_500, alive: [1])
        #expect(driver.decided == nil)
        driver.handle(.connectionUndeliverable(ConnectionID([2]), now: driver.now))
        driver.pass(1_200, alive: [1])
        #expect(driver.decided?.text.contains("limit 1.0 s since its control connection closed") == true)
    }

    @Test func theCoordinatorsOwnSleepIsNobodysSilence() {
        var driver = running([1, 2])
        driver.now += 20_000
        driver.handle(.tick(now: driver.now))
        #expect(driver.decided == nil)
        #expect(driver.log.contains(.slept(milliseconds: 20_000)))
    }

    @Test func whatPeersWriteStaysOnOneLine() {
        var driver = running([1])
        driver.say(1, .notice(text: "bad\r\nimage\u{2028}x"))
        #expect(driver.log.last?.description == "worker 0 (rank 0, host a, pid 101): bad  image x")
    }

    @Test func messagesOfAnotherGenerationAreDroppedAndSaidSo() {
        var driver = running([1, 2])
        let count = driver.sent.count
        driver.say(1, .idle(nextStep: 8, hasState: true, reason: .regroup), generation: Generation(9))
        driver.say(1, .finished(payload: []), generation: Generation.none)
        driver.say(1, .suspect(rank: 1, text: "late"), generation: Generation.none)
        #expect(driver.sent.count == count)
        #expect(driver.log.suffix(3).allSatisfy { if case .dropped = $0 { true } else { false } })
        driver.pass(2_000, alive: [1, 2])
        #expect(driver.decided == nil)
    }

    @Test func membersThatContradictEachOtherEndTheRun() {
        var driver = running([1, 2])
        driver.say(1, .idle(nextStep: 8, hasState: true, reason: .regroup))
        driver.say(2, .idle(nextStep: 9, hasState: true, reason: .regroup))
        #expect(driver.decided?.exitCode == ExitCode.inconsistent)
        #expect(driver.decided?.text.contains("before step 8") == true)
    }

    @Test func aRingThatStandsStillIsReportedWithTheLastFirst() {
        var driver = running([1, 2])
        driver.say(1, .heartbeat(step: 18, phase: "gather"))
        for _ in 0..<70 {
            driver.pass(500)
            driver.say(1, .heartbeat(step: 18, phase: "gather"))
            driver.say(2, .heartbeat(step: 17, phase: "backward"))
        }
        let stalls = driver.log.compactMap { line -> String? in
            if case .stalled = line { line.description } else { nil }
        }
        #expect(
            stalls == [
                "generation 1 has not moved on for 30.0 s: worker 1 (rank 1, host a, pid 102) at step 17 in phase "
                    + "backward, worker 0 (rank 0, host a, pid 101) at step 18 in phase gather"
            ])
    }

    @Test func theSecondStopDoesNotWait() {
        var driver = running([1])
        driver.handle(.stopRequested(now: driver.now))
        #expect(driver.messages(to: 1).last == .yield(.stop))
        #expect(driver.decided == nil)
        driver.handle(.stopRequested(now: driver.now))
        #expect(driver.decided?.exitCode == ExitCode.stopped)
        #expect(driver.messages(to: 1).suffix(2).map(\.id) == [.abort, .end])
    }

    @Test func aStopThatReachesNoBoundaryEndsAfterItsGrace() {
        var driver = running([1])
        driver.handle(.stopRequested(now: driver.now))
        driver.pass(30_000, alive: [1])
        #expect(
            driver.decided?.text
                == "stopped without saving: no step boundary was reached within 30.0 s by "
                + "worker 0 (rank 0, host a, pid 101) at step 7 in phase backward")
    }

    @Test func aStopDuringARegroupFormsOneMoreRingToSaveIn() {
        var driver = running([1, 2])
        driver.say(2, .leave)
        driver.say(1, .idle(nextStep: 8, hasState: true, reason: .regroup))
        driver.handle(.stopRequested(now: driver.now))
        #expect(driver.messages(to: 2).last == .yield(.stop))
        driver.say(2, .idle(nextStep: 8, hasState: true, reason: .regroup))
        #expect(driver.generation == Generation(2))
        #expect(driver.messages(to: 1).suffix(2).map(\.id) == [.form, .yield])
        driver.say(1, .idle(nextStep: 9, hasState: true, reason: .stop))
        #expect(driver.decided?.text == "stopped on request before step 9; the state is saved")
    }

    @Test func aFailureOutsideTheRingHarmsNobody() {
        var driver = running([1])
        driver.say(2, CoordinatorDriver.join(2))
        driver.say(2, .failed(exitCode: 4, text: "no data here"))
        #expect(driver.messages(to: 2).last == .end(exitCode: 4, text: "no data here"))
        driver.pass(1_000, alive: [1])
        #expect(driver.decided == nil)
    }

    @Test func aWorkerThatDiesBeforeItJoinsEndsTheGathering() {
        var driver = CoordinatorDriver(expected: 1)
        driver.handle(.workerProcessExited(host: "a", pid: 9, status: "exit status 127", now: 0))
        driver.pass(200)
        #expect(
            driver.outcome?.text == "a worker (host a, pid 9) was lost before it joined: exit status 127")
    }
}
