import ClusterProtocol
import Coordination
import Testing

@Suite struct AdmissionTests {
    private func refusal(_ answers: [(frame: Frame, node: UInt8)]) -> Message.Refusal? {
        for case (let frame, _) in answers {
            if case .refuse(let refusal) = frame.message { return refusal }
        }
        return nil
    }

    @Test func aRepeatedJoinGetsTheSameAnswer() {
        var driver = CoordinatorDriver(expected: 2)
        let first = driver.say(1, CoordinatorDriver.join(1))
        let second = driver.say(1, CoordinatorDriver.join(1))
        #expect(first.map(\.frame) == second.map(\.frame))
        #expect(first.count == 1 && first[0].frame.message.id == .welcome)
    }

    @Test func anIncarnationIsLetInOnce() {
        var driver = CoordinatorDriver(expected: 3)
        driver.say(1, CoordinatorDriver.join(1))
        #expect(refusal(driver.say(2, CoordinatorDriver.join(2, incarnation: 1)))?.reason == .duplicate)
        #expect(refusal(driver.say(1, CoordinatorDriver.join(1, incarnation: 9)))?.reason == .duplicate)
    }

    @Test func anotherRunsWorkerIsTurnedAwayWithBothRunsNamed() {
        var driver = CoordinatorDriver(expected: 1)
        let refused = refusal(driver.say(1, CoordinatorDriver.join(1), run: RunID(0xB0B)))
        #expect(refused?.reason == .wrongRun)
        #expect(
            refused?.text == "this is run 0000000000000a11, the worker belongs to run 0000000000000b0b")
    }

    @Test func aFullTableTakesNobody() {
        var driver = CoordinatorDriver(expected: WireLimit.members + 1)
        for number in 0..<WireLimit.members {
            let join = Message.Join(
                incarnation: Incarnation(1, UInt64(number)), host: "a", pid: Int32(number), threads: 1,
                dataEndpoint: "")
            let frame = Frame(runID: CoordinatorDriver.run, generation: .none, message: .join(join))
            let connection = ConnectionID([UInt8(number & 255), UInt8(number >> 8)])
            driver.handle(.received(.frame(frame), from: connection, now: 0))
        }
        #expect(refusal(driver.say(1, CoordinatorDriver.join(1)))?.reason == .tableFull)
    }

    @Test func aStrangerIsToldSoButNotForItsFarewell() {
        var driver = CoordinatorDriver(expected: 1)
        #expect(refusal(driver.say(1, .heartbeat(step: 1, phase: "forward")))?.reason == .unknownWorker)
        #expect(driver.say(1, .leave).isEmpty)
    }

    @Test func refusalsAreNotAnsweredWithRefusals() {
        var driver = CoordinatorDriver(expected: 1)
        let refuse = OtherVersionFrame(
            version: ProtocolVersion(2), messageNumber: MessageID.refuse.rawValue, runID: CoordinatorDriver.run)
        #expect(driver.handle(.received(.otherVersion(refuse), from: ConnectionID([1]), now: 0)).isEmpty)
        #expect(driver.say(1, .coordinatorHeartbeat).isEmpty)
    }

    @Test func tooFewWorkersEndTheWaiting() {
        var driver = CoordinatorDriver(expected: 3) { $0.joinTimeoutMilliseconds = 5_000 }
        driver.gather([1])
        driver.say(2, CoordinatorDriver.join(2))
        driver.pass(5_000, alive: [1, 2])
        #expect(driver.decided?.exitCode == ExitCode.noCluster)
        #expect(
            driver.decided?.text == "only 1 of 3 workers were there within 5.0 s, and 1 still preparing")
    }

    @Test func aRunThatNobodyCouldSaveDoesNotBegin() {
        var driver = CoordinatorDriver(expected: 2) { $0.rankZeroNeedsRunDirectory = true }
        driver.gather([1, 2], seesRunDirectory: false)
        #expect(driver.decided?.text.contains("sees the run directory") == true)
    }

    @Test func theRingKeepsHostsTogetherBehindAWriter() {
        var driver = CoordinatorDriver(expected: 5) { $0.rankZeroNeedsRunDirectory = true }
        driver.gather([1], host: "a", seesRunDirectory: false)
        driver.gather([2], host: "b", seesRunDirectory: false)
        driver.gather([3], host: "a", seesRunDirectory: false)
        driver.gather([4], host: "b", seesRunDirectory: true)
        driver.gather([5], host: "c", seesRunDirectory: false)
        guard case .form(let form)? = driver.messages(to: 4).last else {
            Issue.record("no ring")
            return
        }
        #expect(form.ownRank == 0)
        #expect(form.members.map(\.pid) == [104, 102, 101, 103, 105])
    }

    @Test func whoSeesTheRunDirectoryTakesThePlaceOfOneWhoDoesNot() {
        var driver = CoordinatorDriver(expected: 3, maximumRanks: 2) { $0.rankZeroNeedsRunDirectory = true }
        driver.gather([1, 2], seesRunDirectory: false)
        driver.gather([3])
        guard case .form(let form)? = driver.messages(to: 3).last else {
            Issue.record("no ring")
            return
        }
        #expect(form.members.map(\.pid) == [103, 101])
        #expect(driver.messages(to: 2).last?.id == .standby)
    }
}
