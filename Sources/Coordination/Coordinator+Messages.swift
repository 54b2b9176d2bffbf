import ClusterProtocol

extension CoordinatorMachine {
    mutating func receive(_ frame: Frame, from connection: ConnectionID, now: UInt64) {
        guard !frame.message.id.isFromCoordinator else {
            drop(frame, connection, "only a coordinator says that")
            return
        }
        guard frame.runID == configuration.runID else {
            refuse(
                connection, .wrongRun, "this is run \(configuration.runID), the worker belongs to run \(frame.runID)")
            return
        }
        if case .join(let join) = frame.message {
            receiveJoin(join, from: connection, now: now)
            return
        }
        guard let id = connections[connection], members[id] != nil else {
            receiveFromStranger(frame, connection)
            return
        }
        members[id]?.lastHeard = now
        members[id]?.unreachableSince = nil
        if case .ending = phase {
            receiveWhileEnding(frame, from: id, now: now)
        } else {
            receive(frame, from: id, now: now)
        }
    }

    /// A worker that was let go or given up, and still talks: the last words of one that leaves need no answer.
    private mutating func receiveFromStranger(_ frame: Frame, _ connection: ConnectionID) {
        if frame.message == .leave { return }
        refuse(connection, .unknownWorker, "this worker is not, or no longer, part of run \(configuration.runID)")
    }

    private mutating func receive(_ frame: Frame, from id: WorkerID, now: UInt64) {
        guard let member = members[id] else { return }
        let isCurrent = frame.generation == generation && member.rank != nil
        switch frame.message {
        case .prepared(let seesRunDirectory): receivePrepared(id, seesRunDirectory: seesRunDirectory, now: now)
        case .leave: receiveLeave(id, now: now)
        case .failed(let exitCode, let text): receiveFailed(id, exitCode: exitCode, text: text, now: now)
        case .notice(let text): log(.notice(member.name, text: text))
        case .heartbeat(let step, let phase):
            // A worker between two rings may still name the former one: alive it is all the same.
            if isCurrent { moved(id, step: step, phase: phase, now: now) }
        case .progress, .idle, .suspect, .finished:
            guard isCurrent, member.state == .running else {
                drop(frame, member.connection, "generation \(generation) is at work, the worker is \(member.place)")
                return
            }
            receiveFromRing(frame.message, from: member, now: now)
        case .join, .welcome, .refuse, .form, .standby, .yield, .abort, .end, .coordinatorHeartbeat: break
        }
    }

    /// What only a running member of the present ring may say.
    private mutating func receiveFromRing(_ message: Message, from member: CoordinatorMember, now: UInt64) {
        switch message {
        case .progress(let step, let payload):
            moved(member.id, step: step, phase: member.phase, now: now)
            record(member, step: step, payload: payload)
        case .idle(let nextStep, let hasState, let reason):
            members[member.id]?.state = .idle(nextStep: nextStep, hasState: hasState, reason: reason)
            evidence.forgetReporter(member.id)
            advance(now)
        case .suspect(let rank, let text): receiveSuspect(rank: Int(rank), by: member, text: text, now: now)
        case .finished(let payload):
            members[member.id]?.state = .finished
            if member.rank == 0 { result = payload }
            evidence.forgetReporter(member.id)
            advance(now)
        default: break
        }
    }

    private mutating func receiveWhileEnding(_ frame: Frame, from id: WorkerID, now: UInt64) {
        guard let member = members[id] else { return }
        switch frame.message {
        case .leave:
            remove(id)
            finishIfAllGone()
        case .progress(let step, let payload) where frame.generation == generation && member.rank != nil:
            record(member, step: step, payload: payload)
        default: break
        }
    }

    private mutating func moved(_ id: WorkerID, step: UInt64, phase: String, now: UInt64) {
        guard let member = members[id], member.step != step || member.phase != phase else { return }
        members[id]?.step = step
        members[id]?.phase = phase
        stallWatch.moved(now)
    }

    private mutating func record(_ member: CoordinatorMember, step: UInt64, payload: [UInt8]) {
        guard let rank = member.rank else { return }
        emit(
            .record(
                Progress(
                    workerID: member.id, rank: rank, worldSize: ring.count, generation: generation, step: step,
                    payload: payload)))
    }

    private mutating func drop(_ frame: Frame, _ connection: ConnectionID, _ why: String) {
        log(.dropped(frame.message.id, frame.generation, from: name(of: connection), why: why))
    }
}
