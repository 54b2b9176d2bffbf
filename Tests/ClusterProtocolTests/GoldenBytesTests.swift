import ClusterProtocol
import Testing

/// One frame of each message and its exact bytes. If one of these must change, the protocol version must rise.
@Suite struct GoldenBytesTests {
    private static let key = (0..<32).map { UInt8($0) }

    static let messages: [Message] = [
        .join(
            Message.Join(
                incarnation: Incarnation(0x0011_2233_4455_6677, 0x8899_AABB_CCDD_EEFF), host: "a", pid: 4711,
                threads: 2, dataEndpoint: "tcp://a:1", dataPublicKey: key)),
        .prepared(seesRunDirectory: true),
        .heartbeat(step: 17, phase: "backward"),
        .progress(step: 17, payload: [1, 2, 3]),
        .idle(nextStep: 18, hasState: true, reason: .stop),
        .leave,
        .failed(exitCode: -3, text: "no"),
        .suspect(rank: 2, text: "gone"),
        .notice(text: "ß"),
        .finished(payload: [255]),
        .welcome(
            Message.Welcome(workerID: WorkerID(5), heartbeatMilliseconds: 250, silenceMilliseconds: 3000, job: [7, 8])),
        .refuse(Message.Refusal(reason: .tableFull, text: "full")),
        .form(
            Message.Form(
                members: [
                    RingMember(
                        workerID: WorkerID(5), host: "a", pid: 4711, dataEndpoint: "tcp://a:1", dataPublicKey: key),
                    RingMember(workerID: WorkerID(6), host: "b", pid: -1, dataEndpoint: ""),
                ], ownRank: 1, startStep: 18, stateSource: .rank(0))),
        .standby(text: "wait"),
        .yield(.regroup),
        .abort(text: "stop"),
        .end(exitCode: 130, text: "bye"),
        .coordinatorHeartbeat,
    ]

    @Test func theWireIsAsItWas() throws {
        #expect(Self.messages.map(\.id) == MessageID.allCases)
        for message in Self.messages {
            let frame = Frame(
                runID: RunID(0x0102_0304_0506_0708), generation: Generation(0x1112_1314_1516_1718), message: message)
            #expect(hexadecimal(frame.encoded()) == Self.golden[message.id], "\(message.id)")
        }
    }

    /// In groups: magic, version and number; run id; generation; the rest.
    private func hexadecimal(_ bytes: [UInt8]) -> String {
        let text = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let header = [0..<4, 4..<5, 5..<6, 6..<14, 14..<22].map { text[$0].joined() }
        return (header + [text[22...].joined()]).joined(separator: " ")
    }

    private static let golden: [MessageID: String] = [
        .join:
            "4d55524d 01 01 0807060504030201 1817161514131211 "
            + "00112233445566778899aabbccddeeff01006167120000020009007463703a2f2f613a3120000102"
            + "030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        .prepared: "4d55524d 01 02 0807060504030201 1817161514131211 01",
        .heartbeat: "4d55524d 01 03 0807060504030201 1817161514131211 110000000000000008006261636b77617264",
        .progress: "4d55524d 01 04 0807060504030201 1817161514131211 110000000000000003000000010203",
        .idle: "4d55524d 01 05 0807060504030201 1817161514131211 12000000000000000102",
        .leave: "4d55524d 01 06 0807060504030201 1817161514131211 ",
        .failed: "4d55524d 01 07 0807060504030201 1817161514131211 fdffffff02006e6f",
        .suspect: "4d55524d 01 08 0807060504030201 1817161514131211 020000000400676f6e65",
        .notice: "4d55524d 01 09 0807060504030201 1817161514131211 0200c39f",
        .finished: "4d55524d 01 0a 0807060504030201 1817161514131211 01000000ff",
        .welcome: "4d55524d 01 80 0807060504030201 1817161514131211 05000000fa000000b80b0000020000000708",
        .refuse: "4d55524d 01 81 0807060504030201 1817161514131211 05040066756c6c",
        .form:
            "4d55524d 01 82 0807060504030201 1817161514131211 "
            + "0200050000000100616712000009007463703a2f2f613a3120000102030405060708090a0b0c0d0e"
            + "0f101112131415161718191a1b1c1d1e1f06000000010062ffffffff000000010000001200000000"
            + "0000000100000000",
        .standby: "4d55524d 01 83 0807060504030201 1817161514131211 040077616974",
        .yield: "4d55524d 01 84 0807060504030201 1817161514131211 01",
        .abort: "4d55524d 01 85 0807060504030201 1817161514131211 040073746f70",
        .end: "4d55524d 01 86 0807060504030201 1817161514131211 820000000300627965",
        .coordinatorHeartbeat: "4d55524d 01 87 0807060504030201 1817161514131211 ",
    ]
}
