import ClusterProtocol

extension CoordinatorMachine {
    /// Why a run stops at a step boundary before its end.
    enum Stop: Equatable, Sendable {
        case requested(deadline: UInt64)
        /// Nobody would be left who could carry on.
        case everyoneLeaves(deadline: UInt64)

        var deadline: UInt64 {
            switch self {
            case .requested(let deadline), .everyoneLeaves(let deadline): deadline
            }
        }
    }

    /// Takes the step that the members' states allow, if any: form the first ring, the next one, or end.
    mutating func advance(_ now: UInt64) {
        // Somebody is lost: nothing is formed until it is clear who and why.
        guard evidence.losses.isEmpty else { return }
        switch phase {
        case .gathering:
            let ready = members.values.count { $0.state == .ready }
            guard ready >= configuration.expectedWorkers else { return }
            // One that still prepares may be the one that sees the run directory.
            if planNextRing() != nil || !members.values.contains(where: { $0.state == .preparing }) {
                formNext(startStep: 0, now)
            }
        case .running, .yielding:
            let ring = ringMembers
            if ring.isEmpty {
                concludeUnable(now)
            } else if ring.allSatisfy({ $0.state == .finished }) {
                conclude(
                    Outcome(exitCode: ExitCode.success, text: "training is complete", result: result ?? []), now)
            } else if ring.allSatisfy({ $0.isIdle }) {
                reachedBoundary(ring, now)
            } else if ring.allSatisfy({ $0.isIdle || $0.state == .finished }) {
                concludeInconsistent(ring, now)
            }
        case .ending, .ended: break
        }
    }

    /// All ranks have left the generation at a step boundary.
    private mutating func reachedBoundary(_ ring: [CoordinatorMember], _ now: UInt64) {
        guard case .idle(let nextStep, _, let reason) = ring[0].state,
            ring.allSatisfy({ member in
                if case .idle(nextStep, _, reason) = member.state { true } else { false }
            })
        else {
            concludeInconsistent(ring, now)
            return
        }
        if reason == .stop {
            concludeStopped(before: nextStep, now)
        } else {
            formNext(startStep: nextStep, now)
        }
    }

    /// Forms the next ring of whoever is available, and lets the leavers go.
    private mutating func formNext(startStep: UInt64, _ now: UInt64) {
        guard let plan = planNextRing() else {
            concludeUnable(now)
            return
        }
        let source = plan.ring.firstIndex { $0.hasState }

        for member in orderedMembers where member.isLeaving && !plan.ring.contains(where: { $0.id == member.id }) {
            log(.left(member.name))
            dismiss(member.id, exitCode: ExitCode.success, text: "left as asked")
        }
        generation = generation.next
        ring = plan.ring.map(\.id)
        for id in members.keys {
            members[id]?.rank = nil
        }
        let table = plan.ring.map(\.ringMember)
        let stateSource: StateSource = source.map { .rank(UInt32($0)) } ?? .initial
        for (rank, member) in plan.ring.enumerated() {
            members[member.id]?.rank = rank
            members[member.id]?.state = .running
            members[member.id]?.step = startStep
            members[member.id]?.phase = "forming the ring"
            let form = Message.Form(
                members: table, ownRank: UInt32(rank), startStep: startStep, stateSource: stateSource)
            send(.form(form), to: member.connection)
        }
        evidence = Evidence()
        phase = .running
        stallWatch = StallWatch(limit: configuration.stallMilliseconds, now: now)
        log(.formed(generation, ring: ringMembers.map(\.name), startStep: startStep, stateSource: stateSource))
        for member in orderedMembers where member.rank == nil && member.isAvailable {
            members[member.id]?.state = .ready
            standBy(member.id)
        }
        followUp(plan, now)
    }

    /// What is already known to be due at the new ring's first step boundary.
    private mutating func followUp(_ plan: RingPlan, _ now: UInt64) {
        switch (stop, plan.isLast) {
        case (nil, true): stop = .everyoneLeaves(deadline: now + configuration.stopGraceMilliseconds)
        // Somebody came who can carry on.
        case (.everyoneLeaves, false): stop = nil
        case (nil, false), (.everyoneLeaves, true), (.requested, _): break
        }
        if stop != nil {
            askToYield(.stop, why: "the run stops")
        } else if ringMembers.contains(where: \.isLeaving) {
            askToYield(.regroup, why: "the state is handed over, then a worker leaves")
        }
    }

    struct RingPlan {
        var ring: [CoordinatorMember]
        /// The ring serves only to save the state: nobody could carry on after it.
        var isLast = false
    }

    private func planNextRing() -> RingPlan? {
        let order = RingOrder(
            maximumRanks: configuration.maximumRanks,
            rankZeroNeedsRunDirectory: configuration.rankZeroNeedsRunDirectory)
        let available = orderedMembers.filter(\.isAvailable)
        let staying = available.filter { !$0.isLeaving }
        let stateExists = available.contains(where: \.hasState)

        let ring = order.ring(of: staying)
        if let ring, !stateExists || ring.contains(where: \.hasState) {
            return RingPlan(ring: ring)
        }
        // Only leavers hold the state: one of them stays for a generation in which the newcomers receive it.
        if ring != nil, let holder = available.first(where: { $0.isLeaving && $0.hasState }),
            let handover = order.ring(of: [holder] + staying),
            handover.contains(where: \.hasState), handover.contains(where: { !$0.isLeaving })
        {
            return RingPlan(ring: handover)
        }
        guard let last = order.ring(of: available), !stateExists || last.contains(where: \.hasState) else {
            return nil
        }
        return RingPlan(ring: last, isLast: true)
    }

    /// Asks the running members to leave the generation at a step boundary; a greater reason replaces a lesser one.
    mutating func askToYield(_ reason: YieldReason, why: String) {
        switch phase {
        case .running: break
        case .yielding(let asked) where asked < reason: break
        case .gathering, .yielding, .ending, .ended: return
        }
        phase = .yielding(reason)
        log(.yieldAsked(generation, reason, why: why))
        for member in ringMembers where member.state == .running {
            send(.yield(reason), to: member.connection)
        }
    }

    mutating func receiveLeave(_ id: WorkerID, now: UInt64) {
        guard let member = members[id], !member.isLeaving else { return }
        guard member.rank != nil else {
            log(.left(member.name))
            dismiss(id, exitCode: ExitCode.success, text: "left as asked")
            return
        }
        members[id]?.isLeaving = true
        log(.leaving(member.name))
        // At a boundary, or after the last step, there is nothing to ask for: the next ring is formed without it.
        guard member.state == .running else { return }
        if canCarryOnWithoutLeavers() {
            askToYield(.regroup, why: "\(member.name) leaves")
        } else {
            if stop == nil { stop = .everyoneLeaves(deadline: now + configuration.stopGraceMilliseconds) }
            askToYield(.stop, why: "\(member.name) leaves and nobody could carry on")
        }
    }

    private func canCarryOnWithoutLeavers() -> Bool {
        let staying = orderedMembers.filter { !$0.isLeaving && ($0.rank != nil || $0.state == .ready) }
        let order = RingOrder(
            maximumRanks: configuration.maximumRanks,
            rankZeroNeedsRunDirectory: configuration.rankZeroNeedsRunDirectory)
        guard order.ring(of: staying) != nil else { return false }
        // Newcomers alone need a place beside one who has the state.
        return staying.contains { $0.rank != nil } || configuration.maximumRanks > 1
    }
}
