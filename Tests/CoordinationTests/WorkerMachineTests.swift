import ClusterProtocol
import Coordination
import Testing

@Suite struct WorkerMachineTests {
    private static let run = RunID(0xA11)
    private static let join = Message.Join(
        incarnation: Incarnation(0, 1), host: "a", pid: 101, threads: 1, dataEndpoint: "tcp://a:1")

    private var machine: WorkerMachine

    init() {
        machine = WorkerMachine(
            configuration: WorkerConfiguration(
                runID: Self.run, join: Self.join, coordinatorEndpoint: "tcp://c:5000"), now: 0)
    }

    private mutating func hear(
        _ message: Message, generation: UInt64 = 1, run: RunID = run, now: UInt64 = 0
    ) -> [WorkerMachine.Directive] {
        machine.handle(
            .received(.frame(Frame(runID: run, generation: Generation(generation), message: message)), now: now))
    }

    private static func form(_ worker: UInt32 = 3) -> Message {
        .form(
            Message.Form(
                members: [RingMember(workerID: WorkerID(worker), host: "a", pid: 101, dataEndpoint: "tcp://a:1")],
                ownRank: 0, startStep: 0, stateSource: .initial))
    }

    /// Joined, prepared and in generation 1.
    private mutating func start() {
        _ = machine.handle(.tick(now: 0))
        _ = hear(
            .welcome(
                Message.Welcome(
                    workerID: WorkerID(3), heartbeatMilliseconds: 250, silenceMilliseconds: 3000, job: [1])),
            generation: 0)
        _ = machine.handle(.training(.prepared(seesRunDirectory: true), now: 0))
        _ = hear(Self.form())
    }

    private func messages(_ directives: [WorkerMachine.Directive]) -> [Message] {
        directives.compactMap { if case .send(let frame) = $0 { frame.message } else { nil } }
    }

    private func exit(_ directives: [WorkerMachine.Directive]) -> String? {
        for case .exit(let code, let text) in directives { return "\(code): \(text)" }
        return nil
    }

    @Test func joinIsRepeatedUntilTheTimeIsUp() {
        var machine = machine
        var joins: [UInt64] = []
        var last: String?
        for now in stride(from: 0 as UInt64, through: 61_000, by: 100) {
            let directives = machine.handle(.tick(now: now))
            if messages(directives) == [.join(Self.join)] { joins.append(now) }
            last = exit(directives) ?? last
        }
        #expect(joins == Array(stride(from: 0, to: 60_000, by: 1_000)))
        #expect(
            last == "5: the coordinator at tcp://c:5000 did not answer within 60.0 s: is it running, and is the "
                + "address right?")
    }

    @Test mutating func aRingMadeOutToAnotherIsNotEntered() {
        _ = machine.handle(.tick(now: 0))
        start()
        _ = machine.handle(.training(.idle(nextStep: 4, hasState: true, reason: .regroup), now: 0))
        for directive in hear(Self.form(9), generation: 2) + hear(Self.form(), generation: 1) {
            guard case .log(.dropped) = directive else {
                Issue.record("\(directive)")
                continue
            }
        }
        #expect(hear(Self.form(), generation: 2).contains { if case .runGeneration = $0 { true } else { false } })
    }

    @Test mutating func aRunningWorkerDoesNotEnterAnotherRing() {
        start()
        #expect(!hear(Self.form(), generation: 2).contains { if case .runGeneration = $0 { true } else { false } })
    }

    @Test mutating func yieldAndAbortOfAnotherGenerationAreNotForUs() {
        start()
        #expect(!hear(.yield(.stop), generation: 2).contains(.setYield(.stop)))
        #expect(!hear(.abort(text: "x"), generation: 0).contains(.abortCollectives(text: "x")))
        #expect(hear(.yield(.stop)).contains(.setYield(.stop)))
    }

    @Test mutating func messagesOfAnotherRunAreDropped() {
        start()
        let directives = hear(.end(exitCode: 1, text: "x"), run: RunID(2))
        #expect(exit(directives) == nil)
        #expect(directives.count == 1)
    }

    @Test mutating func afterAnAbortTrainingIsNotListenedTo() {
        start()
        #expect(hear(.abort(text: "worker 1 was lost")).contains(.abortCollectives(text: "worker 1 was lost")))
        #expect(machine.handle(.training(.failed(exitCode: 1, text: "aborted"), now: 0)).isEmpty)
        #expect(machine.handle(.training(.linkLost(rank: 0, text: "aborted"), now: 0)).isEmpty)
        #expect(exit(hear(.end(exitCode: 6, text: "worker 1 was lost"))) == "6: worker 1 was lost")
        #expect(machine.handle(.tick(now: 99)).isEmpty)
    }

    @Test mutating func aFailureWaitsForTheCoordinatorButNotForEver() {
        start()
        let failed = machine.handle(.training(.failed(exitCode: 3, text: "disk full"), now: 0))
        #expect(messages(failed).last == .failed(exitCode: 3, text: "disk full"))
        #expect(failed.contains(.abortCollectives(text: "disk full")))
        var copy = machine
        #expect(exit(hear(.end(exitCode: 3, text: "worker 3 failed"))) == "3: disk full")
        #expect(exit(copy.handle(.tick(now: 1_999))) == nil)
        #expect(exit(copy.handle(.tick(now: 2_000))) == "3: disk full")
    }

    @Test mutating func theSecondRequestToLeaveDoesNotWait() {
        start()
        #expect(messages(machine.handle(.leaveRequested(now: 0))) == [.leave])
        let second = machine.handle(.leaveRequested(now: 0))
        #expect(messages(second).map(\.id) == [.failed])
        #expect(second.contains(.abortCollectives(text: "left at once")))
        #expect(exit(second) == "130: left at once")
    }

    @Test mutating func aSilentCoordinatorIsGivenUpByNameAndPlace() {
        start()
        _ = machine.handle(.training(.stepBegan(step: 17, phase: "backward"), now: 0))
        var last: String?
        for now in stride(from: 0 as UInt64, through: 10_100, by: 100) {
            last = exit(machine.handle(.tick(now: now))) ?? last
        }
        #expect(
            last == "5: the coordinator at tcp://c:5000 has been silent for 10.1 s (limit 10.0 s); this worker was "
                + "at step 17 in phase backward")
    }

    @Test mutating func heartbeatsTellStepAndPhase() {
        start()
        _ = machine.handle(.training(.stepBegan(step: 17, phase: "backward"), now: 0))
        #expect(messages(machine.handle(.tick(now: 200))) == [])
        #expect(messages(machine.handle(.tick(now: 250))) == [.heartbeat(step: 17, phase: "backward")])
        #expect(messages(machine.handle(.tick(now: 300))) == [])
    }

    @Test mutating func anotherVersionsCoordinatorIsReportedWithBothVersions() {
        let refusal = Message.Refusal(
            reason: .wrongVersion, text: "the coordinator speaks protocol version 2, the worker version 1")
        let frame = OtherVersionFrame(
            version: ProtocolVersion(2), messageNumber: MessageID.refuse.rawValue, runID: Self.run, refusal: refusal)
        #expect(
            exit(machine.handle(.received(.otherVersion(frame), now: 0)))
                == "8: the coordinator at tcp://c:5000 (protocol version 2) refused this worker: the coordinator "
                + "speaks protocol version 2, the worker version 1")
    }
}
