import ClusterProtocol
import Randomness
import Testing

@Suite struct RoundTripTests {
    @Test(arguments: MessageID.allCases)
    func everyMessageComesBackAsItWas(_ id: MessageID) throws {
        for seed in 1...500 as ClosedRange<UInt64> {
            var frames = RandomFrames(seed: seed)
            let frame = frames.frame(id)
            let bytes = frame.encoded()
            #expect(frame.message.id == id)
            #expect(try IncomingFrame(decoding: bytes) == .frame(frame), "seed \(seed)")
        }
    }

    @Test func theLargestMessagesFitIntoAFrame() throws {
        let host = String(repeating: "h", count: WireLimit.host)
        let endpoint = String(repeating: "e", count: WireLimit.endpoint)
        let member = RingMember(
            workerID: WorkerID(7), host: host, pid: 1, dataEndpoint: endpoint,
            dataPublicKey: Array(repeating: 9, count: WireLimit.publicKey))
        let messages: [Message] = [
            .form(
                Message.Form(
                    members: Array(repeating: member, count: WireLimit.members), ownRank: 0, startStep: 1,
                    stateSource: .rank(UInt32(WireLimit.members - 1)))),
            .welcome(
                Message.Welcome(
                    workerID: WorkerID(1), heartbeatMilliseconds: 1, silenceMilliseconds: 1,
                    job: Array(repeating: 1, count: WireLimit.job))),
            .finished(payload: Array(repeating: 1, count: WireLimit.result)),
            .progress(step: 1, payload: Array(repeating: 1, count: WireLimit.progress)),
        ]
        for message in messages {
            let frame = Frame(runID: RunID(1), generation: Generation(1), message: message)
            let bytes = frame.encoded()
            #expect(bytes.count <= WireLimit.frame)
            #expect(try IncomingFrame(decoding: bytes) == .frame(frame))
        }
    }

    @Test func aTextOverItsLimitIsCutAtACharacter() throws {
        // 4-byte characters after one single byte: the limit falls inside a character.
        let text = "x" + String(repeating: "🐦", count: 2_000)
        let bytes = Frame(runID: RunID(1), generation: .none, message: .notice(text: text)).encoded()
        guard case .frame(let frame) = try IncomingFrame(decoding: bytes), case .notice(let cut) = frame.message else {
            Issue.record("not a notice")
            return
        }
        #expect(cut.utf8.count == WireLimit.text - 3)
        #expect(text.hasPrefix(cut))
    }
}
