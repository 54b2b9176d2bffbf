import ClusterProtocol

extension CoordinatorMachine {
    mutating func tick(_ now: UInt64) {
        forgiveOwnSleep(now)
        lastTick = now
        switch phase {
        case .gathering(let since):
            judge(now)
            if case .gathering = phase { checkJoinTimeout(since: since, now) }
        case .running, .yielding:
            judge(now)
            checkStop(now)
            reportStall(now)
        case .ending(let outcome, let until):
            if now >= until {
                phase = .ended
                emit(.ended(outcome))
            }
        case .ended: break
        }
        sendHeartbeats(now)
    }

    /// If this process itself was stopped or starved, messages wait unread: nobody was silent for that time.
    private mutating func forgiveOwnSleep(_ now: UInt64) {
        let gap = now.since(lastTick)
        guard gap > 2 * configuration.heartbeatMilliseconds else { return }
        log(.slept(milliseconds: gap))
        for (id, member) in members {
            members[id]?.lastHeard = min(now, member.lastHeard + gap)
        }
        evidence.shift(by: gap)
    }

    private mutating func checkJoinTimeout(since: UInt64, _ now: UInt64) {
        guard now.since(since) >= configuration.joinTimeoutMilliseconds, evidence.losses.isEmpty else { return }
        let ready = members.values.count { $0.state == .ready }
        let preparing = members.values.count { $0.state == .preparing }
        conclude(
            Outcome(
                exitCode: ExitCode.noCluster,
                text: "only \(ready) of \(configuration.expectedWorkers) workers were there within "
                    + "\(seconds(configuration.joinTimeoutMilliseconds)), and \(preparing) still preparing"), now)
    }

    private mutating func checkStop(_ now: UInt64) {
        guard let stop, now >= stop.deadline else { return }
        switch phase {
        case .running, .yielding: break
        case .gathering, .ending, .ended: return
        }
        let late = ringMembers.filter { $0.state == .running }.map { "\($0.name) \($0.place)" }
        conclude(
            Outcome(
                exitCode: ExitCode.stopped,
                text: "stopped without saving: no step boundary was reached within "
                    + "\(seconds(configuration.stopGraceMilliseconds)) by \(Self.enumeration(late))"), now)
    }

    private mutating func reportStall(_ now: UInt64) {
        switch phase {
        case .running, .yielding: break
        case .gathering, .ending, .ended: return
        }
        guard let still = stallWatch.dueReport(now) else { return }
        // The furthest behind first: it is the one the others wait for.
        let members = ringMembers.sorted { ($0.step, $0.rank ?? 0) < ($1.step, $1.rank ?? 0) }
        log(.stalled(generation, milliseconds: still, members: members.prefix(8).map { "\($0.name) \($0.place)" }))
    }

    private mutating func sendHeartbeats(_ now: UInt64) {
        guard now.since(lastHeartbeat) >= configuration.heartbeatMilliseconds else { return }
        switch phase {
        case .gathering, .running, .yielding: break
        case .ending, .ended: return
        }
        lastHeartbeat = now
        for member in orderedMembers {
            send(.coordinatorHeartbeat, to: member.connection)
        }
    }

    /// At most eight of the parts, so that a line stays readable in a run of a thousand.
    private static func enumeration(_ parts: [String]) -> String {
        let rest = parts.count - 8
        return parts.prefix(8).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}
