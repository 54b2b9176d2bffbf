import ClusterProtocol

extension CoordinatorMachine {
    mutating func stopRequested(_ now: UInt64) {
        switch phase {
        case .gathering:
            log(.stopRequested(immediately: true))
            conclude(
                Outcome(exitCode: ExitCode.stopped, text: "stopped on request before the first ring was formed"), now)
        case .running, .yielding:
            if case .requested = stop {
                log(.stopRequested(immediately: true))
                conclude(
                    Outcome(
                        exitCode: ExitCode.stopped,
                        text: "stopped at once on request; nothing was saved since the last checkpoint"), now)
                return
            }
            log(.stopRequested(immediately: false))
            stop = .requested(deadline: now + configuration.stopGraceMilliseconds)
            askToYield(.stop, why: "the run was asked to stop")
        case .ending(let outcome, _):
            phase = .ended
            emit(.ended(outcome))
        case .ended: break
        }
    }

    /// Tells everyone that the run is over and why; those still in a ring break it off first.
    mutating func conclude(_ outcome: Outcome, _ now: UInt64) {
        phase = .ending(outcome, until: now + configuration.endGraceMilliseconds)
        log(.ending(outcome))
        for member in orderedMembers {
            if member.hasExited {
                remove(member.id)
                continue
            }
            if member.state == .running {
                send(.abort(text: outcome.text), to: member.connection)
            }
            send(.end(exitCode: outcome.exitCode, text: outcome.text), to: member.connection)
            members[member.id]?.state = .ending
        }
        finishIfAllGone()
    }

    /// The run has ended when all workers are gone.
    mutating func finishIfAllGone() {
        guard case .ending(let outcome, _) = phase, members.isEmpty else { return }
        phase = .ended
        emit(.ended(outcome))
    }

    /// All members left the generation with reason `stop`: their state is saved.
    mutating func concludeStopped(before nextStep: UInt64, _ now: UInt64) {
        if case .requested = stop {
            conclude(
                Outcome(
                    exitCode: ExitCode.stopped,
                    text: "stopped on request before step \(nextStep); the state is saved"), now)
        } else {
            conclude(
                Outcome(
                    exitCode: ExitCode.success,
                    text: "the last workers left before step \(nextStep); the state is saved, the run can be resumed"),
                now)
        }
    }

    /// No ring can be formed of those who are here.
    mutating func concludeUnable(_ now: UInt64) {
        if generation == .none {
            let count = members.values.count { $0.state == .ready }
            conclude(
                Outcome(
                    exitCode: ExitCode.noCluster,
                    text: "none of the \(count) workers sees the run directory, so nobody could save a checkpoint"),
                now)
        } else {
            conclude(
                Outcome(
                    exitCode: ExitCode.success,
                    text: "the last workers left; the run can be resumed from its last checkpoint"), now)
        }
    }

    /// The members of a ring left it in ways that exclude each other.
    mutating func concludeInconsistent(_ ring: [CoordinatorMember], _ now: UInt64) {
        let views = ring.map { member in
            switch member.state {
            case .idle(let nextStep, _, let reason): "\(member.name) before step \(nextStep) to \(reason)"
            default: "\(member.name) because training is complete"
            }
        }
        conclude(
            Outcome(
                exitCode: ExitCode.inconsistent,
                text: "the members left generation \(generation) at different places: "
                    + views.joined(separator: "; ")), now)
    }
}
