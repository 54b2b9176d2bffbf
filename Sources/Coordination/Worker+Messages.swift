import ClusterProtocol

extension WorkerMachine {
    mutating func receive(_ frame: Frame, now: UInt64) {
        if case .refuse(let refusal) = frame.message {
            // A refusal may name another run: that is what it is about.
            exit(ExitCode.refused, "\(coordinator) refused this worker: \(refusal.text.onOneLine)")
            return
        }
        guard frame.runID == configuration.runID else {
            drop(frame, "it belongs to run \(frame.runID)")
            return
        }
        guard frame.message.id.isFromCoordinator else {
            drop(frame, "only a worker says that")
            return
        }
        coordinatorLastHeard = now
        switch frame.message {
        case .welcome(let welcome): receiveWelcome(welcome, frame)
        case .form(let form): receiveForm(form, frame)
        case .standby(let text): log(.waiting(text: text))
        case .yield(let reason):
            guard isCurrent(frame) else { return }
            log(.askedToYield(generation, reason))
            emit(.setYield(reason))
        case .abort(let text):
            guard isCurrent(frame) else { return }
            log(.aborted(generation, text: text))
            emit(.abortCollectives(text: text))
            state = .broken
        case .end(let exitCode, let text): receiveEnd(exitCode, text)
        case .coordinatorHeartbeat, .refuse: break
        case .join, .prepared, .heartbeat, .progress, .idle, .leave, .failed, .suspect, .notice, .finished: break
        }
    }

    /// Whether the frame is about the generation in which this worker runs; else it is dropped.
    private mutating func isCurrent(_ frame: Frame) -> Bool {
        if state == .running, frame.generation == generation { return true }
        drop(frame, state == .running ? "generation \(generation) is at work" : "no generation is at work")
        return false
    }

    private mutating func receiveWelcome(_ welcome: Message.Welcome, _ frame: Frame) {
        guard case .joining = state else {
            drop(frame, "this worker has joined already")
            return
        }
        state = .preparing
        workerID = welcome.workerID
        heartbeatMilliseconds = UInt64(max(1, welcome.heartbeatMilliseconds))
        log(.welcomed(welcome.workerID, endpoint: configuration.coordinatorEndpoint))
        emit(.prepare(workerID: welcome.workerID, job: welcome.job))
    }

    private mutating func receiveForm(_ form: Message.Form, _ frame: Frame) {
        guard state == .waiting || state == .idle, frame.generation > generation else {
            drop(frame, "this worker is not waiting for a ring after generation \(generation)")
            return
        }
        let rank = Int(form.ownRank)
        guard form.members.indices.contains(rank), form.members[rank].workerID == workerID else {
            drop(frame, "it is made out to another worker")
            return
        }
        generation = frame.generation
        state = .running
        step = form.startStep
        phase = "forming the ring"
        log(
            .ringFormed(
                generation, rank: rank, worldSize: form.members.count, startStep: form.startStep,
                stateSource: form.stateSource))
        emit(
            .runGeneration(
                FormedGeneration(
                    generation: generation, members: form.members, rank: rank, startStep: form.startStep,
                    stateSource: form.stateSource)))
    }

    private mutating func receiveEnd(_ exitCode: Int32, _ text: String) {
        // So that the coordinator need not wait for us.
        send(.leave)
        // It knows its own fault best; what befell it by another's the coordinator knows better.
        if case .failed(let ownCode, let ownText, _) = state, !ExitCode.blamesOthers(ownCode) {
            exit(ownCode, ownText)
        } else {
            exit(exitCode, text.onOneLine)
        }
    }

    mutating func receiveOtherVersion(_ frame: OtherVersionFrame) {
        guard let refusal = frame.refusal else {
            log(
                .waiting(
                    text: "\(coordinator) speaks protocol version \(frame.version), this worker "
                        + "\(configuration.version)"))
            return
        }
        exit(
            ExitCode.refused,
            "\(coordinator) (protocol version \(frame.version)) refused this worker: \(refusal.text.onOneLine)")
    }

    mutating func leaveRequested() {
        if case .joining = state {
            log(.askedToLeave(immediately: true))
            send(.leave)
            exit(ExitCode.success, "left before \(coordinator) answered")
        } else if isLeaving {
            log(.askedToLeave(immediately: true))
            send(.failed(exitCode: ExitCode.stopped, text: "was told twice to leave, and left at once"))
            exit(ExitCode.stopped, "left at once")
        } else {
            isLeaving = true
            log(.askedToLeave(immediately: false))
            send(.leave)
        }
    }

    private mutating func drop(_ frame: Frame, _ why: String) {
        log(.dropped(frame.message.id, frame.generation, from: coordinator, why: why))
    }
}
