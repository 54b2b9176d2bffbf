import ClusterProtocol
import Testing

@Suite struct VersionTests {
    @Test func aFrameOfAnotherVersionIsRecognisedWhateverItHolds() throws {
        // Version 9 may have any message and any layout after the run id.
        let bytes = WireHeader.magic + [9, 55] + [8, 7, 6, 5, 4, 3, 2, 1] + [0xDE, 0xAD]
        #expect(
            try IncomingFrame(decoding: bytes)
                == .otherVersion(
                    OtherVersionFrame(
                        version: ProtocolVersion(9), messageNumber: 55, runID: RunID(0x0102_0304_0506_0708))))
    }

    @Test func aRefusalIsUnderstoodByEveryVersion() throws {
        let refusal = Message.Refusal(reason: .wrongVersion, text: "we speak 1, you speak 2")
        let bytes = Frame(runID: RunID(3), generation: .none, message: .refuse(refusal)).encoded()
        let seen = try IncomingFrame(decoding: bytes, as: ProtocolVersion(2))
        #expect(
            seen
                == .otherVersion(
                    OtherVersionFrame(
                        version: .current, messageNumber: MessageID.refuse.rawValue, runID: RunID(3),
                        refusal: refusal)))
    }

    @Test func aReasonThatWeDoNotKnowIsRefusalAllTheSame() throws {
        let refusal = Message.Refusal(reason: .wrongRun, text: "because")
        var bytes = Frame(runID: RunID(3), generation: .none, message: .refuse(refusal)).encoded()
        bytes[WireHeader.length] = 200
        guard case .frame(let frame) = try IncomingFrame(decoding: bytes) else {
            Issue.record("not a frame")
            return
        }
        #expect(frame.message == .refuse(Message.Refusal(reason: .other, text: "because")))
    }

    @Test func idsReadAsHexadecimal() {
        #expect(RunID(0x5EED).description == "0000000000005eed")
        #expect(Incarnation(1, 2).description == "00000000000000010000000000000002")
        #expect(Incarnation([1, 2, 3]) == nil)
    }
}
