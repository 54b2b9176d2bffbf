import ClusterProtocol

extension CoordinatorMachine {
    // MARK: What workers say

    mutating func receiveSuspect(rank: Int, by reporter: CoordinatorMember, text: String, now: UInt64) {
        guard ring.indices.contains(rank), ring[rank] != reporter.id, let target = members[ring[rank]] else { return }
        let suspicion = Evidence.Suspicion(
            reporter: reporter.name, target: target.name, since: now, text: text)
        if evidence.add(suspicion) {
            log(.suspected(target.name, why: "\(reporter.name) lost its data link to it: \(text)"))
        }
    }

    mutating func receiveFailed(_ id: WorkerID, exitCode: Int32, text: String, now: UInt64) {
        guard let member = members[id] else { return }
        if generation != .none, member.rank == nil {
            log(.removed(member.name, why: "failed \(member.place): \(text)"))
            dismiss(id, exitCode: exitCode, text: text)
            return
        }
        let outcome = Outcome(exitCode: exitCode, text: "\(member.name) failed \(member.place): \(text.onOneLine)")
        let blamesOthers = ExitCode.blamesOthers(exitCode) || evidence.hasSuspicion(by: id)
        let mayBeEcho = (member.rank != nil && blamesOthers) || !evidence.losses.isEmpty
        if mayBeEcho, !evidence.isLost(id) {
            let until = now + configuration.silenceMilliseconds + configuration.lastWordsMilliseconds
            evidence.hold(Evidence.HeldFailure(id: id, outcome: outcome, until: until))
        } else {
            conclude(outcome, now)
        }
    }

    // MARK: What the launcher and the transport see

    mutating func processExited(_ process: ProcessKey, status: String, now: UInt64) {
        guard
            let member = orderedMembers.first(where: { $0.join.host == process.host && $0.join.pid == process.pid })
        else {
            if dismissed.remove(process) == nil, case .gathering = phase {
                lose(
                    nil, "a worker (host \(process.host), pid \(process.pid)) was lost before it joined: \(status)",
                    now)
            }
            return
        }
        if case .ending = phase {
            remove(member.id)
            finishIfAllGone()
            return
        }
        members[member.id]?.hasExited = true
        let silence = seconds(now.since(member.lastHeard))
        lost(member, why: "its process ended (\(status)), last heard from \(silence) before", isCertain: true, now: now)
    }

    mutating func undeliverable(_ connection: ConnectionID, now: UInt64) {
        guard let id = connections[connection], let member = members[id] else { return }
        if case .ending = phase {
            remove(id)
            finishIfAllGone()
        } else if member.unreachableSince == nil {
            members[id]?.unreachableSince = now
        }
    }

    // MARK: What silence says

    /// Looks for members that have been silent for too long, and names who is at fault when it is time to.
    mutating func judge(_ now: UInt64) {
        for member in orderedMembers where !evidence.isLost(member.id) {
            if let why = tooSilent(member, now) {
                lost(member, why: why, isCertain: false, now: now)
            }
        }
        if let verdictAt = evidence.verdictAt {
            if now >= verdictAt { concludeLoss(now) }
        } else if let failure = evidence.heldFailures.first(where: { now >= $0.until }) {
            conclude(failure.outcome, now)
        } else if let broken = evidence.suspicions.first(where: { isUnconfirmed($0, now) }) {
            concludeBrokenLink(broken, now)
        }
    }

    private func tooSilent(_ member: CoordinatorMember, _ now: UInt64) -> String? {
        let silence = now.since(member.lastHeard)
        if silence > configuration.silenceMilliseconds {
            return "silent for \(seconds(silence)) (limit \(seconds(configuration.silenceMilliseconds)))"
        }
        let limit = configuration.suspectSilenceMilliseconds
        if let suspicion = evidence.suspicion(against: member.id),
            now.since(max(member.lastHeard, suspicion.since)) > limit
        {
            return "silent for \(seconds(silence)) (limit \(seconds(limit)) since \(suspicion.reporter) "
                + "lost its data link to it: "
                + "\(suspicion.text.onOneLine))"
        }
        if let unreachable = member.unreachableSince, now.since(max(member.lastHeard, unreachable)) > limit {
            return "silent for \(seconds(silence)) (limit \(seconds(limit)) since its control connection closed)"
        }
        return nil
    }

    /// The suspect is alive, and still the reporter did not get over it.
    private func isUnconfirmed(_ suspicion: Evidence.Suspicion, _ now: UInt64) -> Bool {
        now.since(suspicion.since) > configuration.silenceMilliseconds && !evidence.hasFailed(suspicion.target.id)
    }

    // MARK: What follows

    /// A member is gone. Outside the ring that harms nobody; inside, the run ends.
    ///
    /// - Parameter isCertain: its process is known to have ended.
    private mutating func lost(_ member: CoordinatorMember, why: String, isCertain: Bool, now: UInt64) {
        // Its work is done, or it has said itself that it ends.
        if member.state == .finished || evidence.hasFailed(member.id) { return }
        let isGathering = if case .gathering = phase { true } else { false }
        if member.isLeaving && member.isIdle {
            log(.removed(member.name, why: why))
            remove(member.id)
            advance(now)
        } else if member.rank == nil, !(isGathering && isCertain) {
            log(.removed(member.name, why: why))
            dismiss(member.id, exitCode: ExitCode.workerLost, text: "given up by the coordinator: \(why)")
        } else {
            lose(member.id, "\(member.name) was lost \(member.place): \(why)", now)
        }
    }

    private mutating func lose(_ id: WorkerID?, _ text: String, _ now: UInt64) {
        evidence.add(Evidence.Loss(id: id, text: text), verdictAt: now + configuration.lastWordsMilliseconds)
    }

    private mutating func concludeLoss(_ now: UInt64) {
        switch configuration.lossPolicy {
        case .endRun:
            let text = evidence.losses.map(\.text).joined(separator: "; ")
            conclude(Outcome(exitCode: ExitCode.workerLost, text: text), now)
        }
    }

    private mutating func concludeBrokenLink(_ suspicion: Evidence.Suspicion, _ now: UInt64) {
        let waited = seconds(now.since(suspicion.since))
        let place = members[suspicion.reporter.id]?.place ?? "at an unknown place"
        conclude(
            Outcome(
                exitCode: ExitCode.workerLost,
                text: "the data link from \(suspicion.reporter) to \(suspicion.target) was lost \(place) "
                    + "\(waited) ago, though both are alive: \(suspicion.text.onOneLine)"), now)
    }
}
