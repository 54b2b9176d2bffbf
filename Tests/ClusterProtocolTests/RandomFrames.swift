import ClusterProtocol
import Randomness

/// Random frames of every kind, for round trips and as a start for mutations.
struct RandomFrames {
    var random: Philox

    init(seed: UInt64) {
        random = Philox(seed: seed, path: [0x6672])
    }

    mutating func frame(_ id: MessageID) -> Frame {
        Frame(runID: RunID(random.next()), generation: Generation(random.next()), message: message(id))
    }

    mutating func bytes(upTo limit: Int) -> [UInt8] {
        (0..<random.below(limit + 1)).map { _ in UInt8(truncatingIfNeeded: random.nextWord()) }
    }

    /// Of one- to four-byte characters, never over `limit` bytes.
    private mutating func text(_ limit: Int) -> String {
        let letters = ["a", "Z", "0", " ", "\n", "\u{0}", "ß", "é", "雲", "🐦"]
        let count = random.below(min(limit, 200) / 4 + 1)
        return (0..<count).map { _ in letters[random.below(letters.count)] }.joined()
    }

    private mutating func key() -> [UInt8] {
        random.chance(0.5) ? [] : (0..<32).map { _ in UInt8(truncatingIfNeeded: random.nextWord()) }
    }

    private mutating func int32() -> Int32 { Int32(bitPattern: random.nextWord()) }

    private mutating func yieldReason() -> YieldReason { random.chance(0.5) ? .regroup : .stop }

    private mutating func form() -> Message.Form {
        let members = (0..<random.whole(1...9)).map { _ in
            RingMember(
                workerID: WorkerID(random.nextWord()), host: text(WireLimit.host), pid: int32(),
                dataEndpoint: text(WireLimit.endpoint), dataPublicKey: key())
        }
        let source: StateSource = random.chance(0.5) ? .initial : .rank(UInt32(random.below(members.count)))
        return Message.Form(
            members: members, ownRank: UInt32(random.below(members.count)), startStep: random.next(),
            stateSource: source)
    }

    private mutating func message(_ id: MessageID) -> Message {
        switch id {
        case .join:
            .join(
                Message.Join(
                    incarnation: Incarnation(random.next(), random.next()), host: text(WireLimit.host), pid: int32(),
                    threads: UInt16(truncatingIfNeeded: random.nextWord()), dataEndpoint: text(WireLimit.endpoint),
                    dataPublicKey: key()))
        case .prepared: .prepared(seesRunDirectory: random.chance(0.5))
        case .heartbeat: .heartbeat(step: random.next(), phase: text(WireLimit.phase))
        case .progress: .progress(step: random.next(), payload: bytes(upTo: 300))
        case .idle: .idle(nextStep: random.next(), hasState: random.chance(0.5), reason: yieldReason())
        case .leave: .leave
        case .failed: .failed(exitCode: int32(), text: text(WireLimit.text))
        case .suspect: .suspect(rank: random.nextWord(), text: text(WireLimit.text))
        case .notice: .notice(text: text(WireLimit.text))
        case .finished: .finished(payload: bytes(upTo: 300))
        case .welcome:
            .welcome(
                Message.Welcome(
                    workerID: WorkerID(random.nextWord()), heartbeatMilliseconds: random.nextWord(),
                    silenceMilliseconds: random.nextWord(), job: bytes(upTo: 300)))
        case .refuse:
            .refuse(
                Message.Refusal(
                    reason: RefusalReason.allCases[random.below(RefusalReason.allCases.count)],
                    text: text(WireLimit.text)))
        case .form: .form(form())
        case .standby: .standby(text: text(WireLimit.text))
        case .yield: .yield(yieldReason())
        case .abort: .abort(text: text(WireLimit.text))
        case .end: .end(exitCode: int32(), text: text(WireLimit.text))
        case .coordinatorHeartbeat: .coordinatorHeartbeat
        }
    }
}

extension Philox {
    /// A uniform whole number in `range`.
    mutating func whole(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }
}
