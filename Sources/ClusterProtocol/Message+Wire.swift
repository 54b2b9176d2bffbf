extension Message {
    /// Appends the fields after the header.
    func write(to writer: inout WireWriter) {
        switch self {
        case .join(let join): join.write(to: &writer)
        case .prepared(let seesRunDirectory): writer.bool(seesRunDirectory)
        case .heartbeat(let step, let phase):
            writer.integer(step)
            writer.string(phase, limit: WireLimit.phase)
        case .progress(let step, let payload):
            writer.integer(step)
            writer.blob(payload, limit: WireLimit.progress)
        case .idle(let nextStep, let hasState, let reason):
            writer.integer(nextStep)
            writer.bool(hasState)
            writer.integer(reason.rawValue)
        case .leave, .coordinatorHeartbeat: break
        case .failed(let exitCode, let text), .end(let exitCode, let text):
            writer.integer(exitCode)
            writer.string(text, limit: WireLimit.text)
        case .suspect(let rank, let text):
            writer.integer(rank)
            writer.string(text, limit: WireLimit.text)
        case .notice(let text), .standby(let text), .abort(let text):
            writer.string(text, limit: WireLimit.text)
        case .finished(let payload): writer.blob(payload, limit: WireLimit.result)
        case .welcome(let welcome): welcome.write(to: &writer)
        case .refuse(let refusal): refusal.write(to: &writer)
        case .form(let form): form.write(to: &writer)
        case .yield(let reason): writer.integer(reason.rawValue)
        }
    }

    /// Reads the fields of the message with number `id`.
    static func read(_ id: MessageID, from reader: inout WireReader) throws(WireError) -> Message {
        switch id {
        case .join: .join(try Join(from: &reader))
        case .prepared: .prepared(seesRunDirectory: try reader.bool("seesRunDirectory"))
        case .heartbeat:
            .heartbeat(
                step: try reader.integer("step"), phase: try reader.string(limit: WireLimit.phase, "phase"))
        case .progress:
            .progress(
                step: try reader.integer("step"), payload: try reader.blob(limit: WireLimit.progress, "payload"))
        case .idle:
            .idle(
                nextStep: try reader.integer("nextStep"), hasState: try reader.bool("hasState"),
                reason: try YieldReason(from: &reader))
        case .leave: .leave
        case .failed:
            .failed(
                exitCode: try reader.integer("exitCode"), text: try reader.string(limit: WireLimit.text, "text"))
        case .suspect:
            .suspect(rank: try reader.integer("rank"), text: try reader.string(limit: WireLimit.text, "text"))
        case .notice: .notice(text: try reader.string(limit: WireLimit.text, "text"))
        case .finished: .finished(payload: try reader.blob(limit: WireLimit.result, "payload"))
        case .welcome: .welcome(try Welcome(from: &reader))
        case .refuse: .refuse(try Refusal(from: &reader))
        case .form: .form(try Form(from: &reader))
        case .standby: .standby(text: try reader.string(limit: WireLimit.text, "text"))
        case .yield: .yield(try YieldReason(from: &reader))
        case .abort: .abort(text: try reader.string(limit: WireLimit.text, "text"))
        case .end:
            .end(exitCode: try reader.integer("exitCode"), text: try reader.string(limit: WireLimit.text, "text"))
        case .coordinatorHeartbeat: .coordinatorHeartbeat
        }
    }
}

extension YieldReason {
    init(from reader: inout WireReader) throws(WireError) {
        let start = reader
        let value = try reader.integer("reason", as: UInt8.self)
        guard let reason = YieldReason(rawValue: value) else {
            throw start.failure("reason", .invalidValue(UInt64(value), allowed: "1 (regroup) or 2 (stop)"))
        }
        self = reason
    }
}

extension Message.Join {
    func write(to writer: inout WireWriter) {
        writer.raw(incarnation.bytes)
        writer.string(host, limit: WireLimit.host)
        writer.integer(pid)
        writer.integer(threads)
        writer.string(dataEndpoint, limit: WireLimit.endpoint)
        writer.publicKey(dataPublicKey)
    }

    init(from reader: inout WireReader) throws(WireError) {
        let start = reader
        guard let incarnation = Incarnation(try reader.raw(Incarnation.length, "incarnation")) else {
            throw start.failure("incarnation", .truncated(needed: Incarnation.length, left: start.remaining))
        }
        self.init(
            incarnation: incarnation, host: try reader.string(limit: WireLimit.host, "host"),
            pid: try reader.integer("pid"), threads: try reader.integer("threads"),
            dataEndpoint: try reader.string(limit: WireLimit.endpoint, "dataEndpoint"),
            dataPublicKey: try reader.publicKey("dataPublicKey"))
    }
}

extension Message.Welcome {
    func write(to writer: inout WireWriter) {
        writer.integer(workerID.rawValue)
        writer.integer(heartbeatMilliseconds)
        writer.integer(silenceMilliseconds)
        writer.blob(job, limit: WireLimit.job)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            workerID: WorkerID(try reader.integer("workerID")),
            heartbeatMilliseconds: try reader.integer("heartbeatMilliseconds"),
            silenceMilliseconds: try reader.integer("silenceMilliseconds"),
            job: try reader.blob(limit: WireLimit.job, "job"))
    }
}

extension Message.Refusal {
    func write(to writer: inout WireWriter) {
        writer.integer(reason.rawValue)
        writer.string(text, limit: WireLimit.text)
    }

    init(from reader: inout WireReader) throws(WireError) {
        let reason = RefusalReason(rawValue: try reader.integer("reason")) ?? .other
        self.init(reason: reason, text: try reader.string(limit: WireLimit.text, "text"))
    }
}

extension Message.Form {
    func write(to writer: inout WireWriter) {
        precondition((1...WireLimit.members).contains(members.count), "a ring has 1 to \(WireLimit.members) members")
        writer.integer(UInt16(members.count))
        for member in members {
            writer.integer(member.workerID.rawValue)
            writer.string(member.host, limit: WireLimit.host)
            writer.integer(member.pid)
            writer.string(member.dataEndpoint, limit: WireLimit.endpoint)
            writer.publicKey(member.dataPublicKey)
        }
        writer.integer(ownRank)
        writer.integer(startStep)
        switch stateSource {
        case .initial: writer.integer(UInt8(0))
        case .rank(let rank):
            writer.integer(UInt8(1))
            writer.integer(rank)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        let start = reader
        let count = Int(try reader.integer("members", as: UInt16.self))
        guard count <= WireLimit.members else {
            throw start.failure("members", .tooLong(length: count, limit: WireLimit.members))
        }
        guard count >= 1 else { throw start.failure("members", .invalidValue(0, allowed: "at least 1")) }
        var members: [RingMember] = []
        for _ in 0..<count {
            members.append(
                RingMember(
                    workerID: WorkerID(try reader.integer("member.workerID")),
                    host: try reader.string(limit: WireLimit.host, "member.host"),
                    pid: try reader.integer("member.pid"),
                    dataEndpoint: try reader.string(limit: WireLimit.endpoint, "member.dataEndpoint"),
                    dataPublicKey: try reader.publicKey("member.dataPublicKey")))
        }
        let ownRank = try reader.rank(below: count, "ownRank")
        let startStep = try reader.integer("startStep", as: UInt64.self)
        let tagStart = reader
        let source: StateSource
        switch try reader.integer("stateSource", as: UInt8.self) {
        case 0: source = .initial
        case 1: source = .rank(try reader.rank(below: count, "stateSource.rank"))
        case let tag:
            throw tagStart.failure("stateSource", .invalidValue(UInt64(tag), allowed: "0 (initial) or 1 (rank)"))
        }
        self.init(members: members, ownRank: ownRank, startStep: startStep, stateSource: source)
    }
}

extension WireReader {
    fileprivate mutating func rank(below count: Int, _ field: StaticString) throws(WireError) -> UInt32 {
        let start = self
        let rank = try integer(field, as: UInt32.self)
        guard rank < count else {
            throw start.failure(field, .invalidValue(UInt64(rank), allowed: "a rank below \(count)"))
        }
        return rank
    }
}
