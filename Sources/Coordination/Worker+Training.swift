import ClusterProtocol

extension WorkerMachine {
    mutating func receive(_ report: TrainingEvent, now: UInt64) {
        switch report {
        case .notice(let text): send(.notice(text: text))
        case .failed(let exitCode, let text): failed(exitCode, text, now)
        case .prepared(let seesRunDirectory):
            guard state == .preparing else { return }
            state = .waiting
            send(.prepared(seesRunDirectory: seesRunDirectory))
        case .stepBegan, .progress, .idle, .finished, .linkLost:
            // After an abort the training side may still report what it was doing.
            if state == .running { receiveFromRing(report) }
        }
    }

    private mutating func receiveFromRing(_ report: TrainingEvent) {
        switch report {
        case .stepBegan(let step, let phase):
            self.step = step
            self.phase = phase
        case .progress(let step, let payload): send(.progress(step: step, payload: payload))
        case .idle(let nextStep, let hasState, let reason):
            state = .idle
            step = nextStep
            phase = "waiting for the next ring"
            send(.idle(nextStep: nextStep, hasState: hasState, reason: reason))
        case .finished(let payload):
            state = .finished
            send(.finished(payload: payload))
        case .linkLost(let rank, let text):
            log(.linkLost(generation, rank: Int(rank), text: text))
            // So that the place is known to the phase, not only as of the last heartbeat.
            send(.heartbeat(step: step, phase: phase))
            send(.suspect(rank: rank, text: text))
        case .prepared, .failed, .notice: break
        }
    }

    private mutating func failed(_ exitCode: Int32, _ text: String, _ now: UInt64) {
        switch state {
        case .joining, .preparing, .waiting, .running, .idle, .finished: break
        // An echo of what is known already.
        case .broken, .failed, .exited: return
        }
        if state == .running { send(.heartbeat(step: step, phase: phase)) }
        send(.failed(exitCode: exitCode, text: text))
        if state == .running { emit(.abortCollectives(text: text)) }
        // Who complains of others waits for the coordinator to find out who it was.
        let patience =
            ExitCode.blamesOthers(exitCode)
            ? configuration.coordinatorSilenceMilliseconds : configuration.lastWordsMilliseconds
        state = .failed(exitCode: exitCode, text: text, until: now + patience)
    }

    mutating func tick(_ now: UInt64) {
        // If this process itself was stopped or starved, messages wait unread: that is not the coordinator's silence.
        let gap = now.since(lastTick)
        if gap > 2 * heartbeatMilliseconds { coordinatorLastHeard = min(now, coordinatorLastHeard + gap) }
        lastTick = now

        if case .joining(let since, let lastSent) = state {
            tickJoining(since: since, lastSent: lastSent, now)
            return
        }
        let silence = now.since(coordinatorLastHeard)
        if case .failed(let exitCode, let text, let until) = state, now >= until {
            exit(exitCode, text)
        } else if silence > configuration.coordinatorSilenceMilliseconds {
            exit(
                ExitCode.noCluster,
                "\(coordinator) has been silent for \(seconds(silence)) "
                    + "(limit \(seconds(configuration.coordinatorSilenceMilliseconds))); this worker was \(place)")
        } else if now.since(lastHeartbeat) >= heartbeatMilliseconds {
            lastHeartbeat = now
            send(.heartbeat(step: step, phase: phase))
        }
    }

    private mutating func tickJoining(since: UInt64, lastSent: UInt64?, _ now: UInt64) {
        if now.since(since) >= configuration.joinTimeoutMilliseconds {
            exit(
                ExitCode.noCluster,
                "\(coordinator) did not answer within \(seconds(configuration.joinTimeoutMilliseconds)): "
                    + "is it running, and is the address right?")
            return
        }
        guard let lastSent else {
            log(.joining(endpoint: configuration.coordinatorEndpoint))
            sendJoin(since: since, now)
            return
        }
        if now.since(lastSent) >= configuration.joinRetryMilliseconds { sendJoin(since: since, now) }
    }

    private mutating func sendJoin(since: UInt64, _ now: UInt64) {
        state = .joining(since: since, lastSent: now)
        coordinatorLastHeard = now
        send(.join(configuration.join))
    }

    /// What it was doing, for a text about the coordinator's silence.
    private var place: String {
        switch state {
        case .joining, .preparing: "preparing"
        case .waiting: "waiting for a ring"
        case .running, .idle, .finished, .broken, .failed, .exited:
            phase.isEmpty ? "at step \(step)" : "at step \(step) in phase \(phase)"
        }
    }
}
