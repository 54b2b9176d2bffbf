import ClusterProtocol
import Randomness
import Testing

@Suite struct MalformedFrameTests {
    /// Decodes; whatever comes must be a value or an error, and a value must encode again.
    private func probe(_ bytes: [UInt8], _ note: @autoclosure () -> String) {
        do {
            if case .frame(let frame) = try IncomingFrame(decoding: bytes) {
                // The reader accepts each message in one layout only, except for reasons of refusal it does not know.
                if case .refuse = frame.message { return }
                #expect(frame.encoded() == bytes, "\(note())")
            }
        } catch {
            #expect(!error.place.isEmpty, "\(note())")
        }
    }

    @Test func randomBytesNeverTrap() {
        for seed in 1...20_000 as ClosedRange<UInt64> {
            var frames = RandomFrames(seed: seed)
            var bytes = frames.bytes(upTo: 120)
            probe(bytes, "seed \(seed)")
            // Past the header, so that the fields are reached.
            let ids = MessageID.allCases
            bytes.insert(contentsOf: WireHeader.magic + [1, ids[frames.random.below(ids.count)].rawValue], at: 0)
            probe(bytes, "seed \(seed) behind a header")
        }
    }

    @Test func mutatedFramesNeverTrap() {
        for seed in 1...20_000 as ClosedRange<UInt64> {
            var frames = RandomFrames(seed: seed)
            let ids = MessageID.allCases
            var bytes = frames.frame(ids[frames.random.below(ids.count)]).encoded()
            for _ in 0..<frames.random.whole(1...4) {
                switch frames.random.below(4) {
                case 0: bytes[frames.random.below(bytes.count)] ^= 1 << UInt8(frames.random.below(8))
                case 1: bytes[frames.random.below(bytes.count)] = frames.random.chance(0.5) ? 0xFF : 0
                case 2: bytes.insert(UInt8(frames.random.below(256)), at: frames.random.below(bytes.count))
                default: if bytes.count > 1 { bytes.removeLast(frames.random.whole(1...min(9, bytes.count - 1))) }
                }
            }
            probe(bytes, "seed \(seed)")
        }
    }

    @Test(arguments: MessageID.allCases)
    func everyTruncationSaysWhere(_ id: MessageID) {
        var frames = RandomFrames(seed: 5)
        let bytes = frames.frame(id).encoded()
        for count in 0..<bytes.count {
            #expect(throws: WireError.self, "\(count) of \(bytes.count) bytes") {
                try IncomingFrame(decoding: Array(bytes.prefix(count)))
            }
        }
        #expect(throws: WireError.self) { try IncomingFrame(decoding: bytes + [0]) }
    }

    @Test func aDeclaredLengthIsCheckedBeforeAnythingIsAllocated() throws {
        // A progress payload that claims 4 GiB.
        var writer = WireWriter()
        writer.raw(WireHeader.magic + [1, MessageID.progress.rawValue])
        writer.integer(UInt64(1))
        writer.integer(UInt64(1))
        writer.integer(UInt64(17))
        writer.integer(UInt32.max)
        #expect(
            throws: WireError(
                place: "progress.payload", offset: 30,
                cause: .tooLong(length: Int(UInt32.max), limit: WireLimit.progress))
        ) { try IncomingFrame(decoding: writer.bytes) }
    }

    @Test func aFrameOverTheLimitIsRefusedWhole() {
        let bytes = [UInt8](repeating: 0, count: WireLimit.frame + 1)
        #expect(throws: WireError.self) { try IncomingFrame(decoding: bytes) }
    }

    @Test func errorsReadAsOneLineWithPlaceAndCause() throws {
        func complaint(_ bytes: [UInt8]) -> String {
            do {
                return "\(try IncomingFrame(decoding: bytes))"
            } catch {
                return error.description
            }
        }
        let good = Frame(runID: RunID(1), generation: .none, message: .notice(text: "hello")).encoded()
        var unknown = good
        unknown[5] = 77
        var notText = good
        notText[24] = 0xFF
        let complaints = [Array("GET / HTTP/1.1".utf8), Array(good.dropLast()), unknown, notText, good + [1, 2]]
            .map(complaint)
        #expect(
            complaints == [
                "malformed frame at frame.magic (byte 0): does not begin with the magic bytes MURM",
                "malformed frame at notice.text (byte 22): 5 bytes needed, 4 left",
                "malformed frame at frame.message (byte 5): no message has number 77",
                "malformed frame at notice.text (byte 22): text is not UTF-8",
                "malformed frame at notice.end (byte 29): 2 bytes after the end of the message",
            ])
    }
}
