import ClusterProtocol

extension CoordinatorMachine {
    mutating func receiveJoin(_ join: Message.Join, from connection: ConnectionID, now: UInt64) {
        if let id = connections[connection], let member = members[id] {
            guard member.join.incarnation == join.incarnation else {
                refuse(connection, .duplicate, "the connection belongs to \(member.name) already")
                return
            }
            // The answer may be under way still; a second one does no harm.
            members[id]?.lastHeard = now
            welcome(member)
            return
        }
        if let refusal = refusal(of: join) {
            refuse(connection, refusal.reason, refusal.text)
            return
        }
        let member = CoordinatorMember(
            id: WorkerID(nextWorkerID), connection: connection, join: join, lastHeard: now)
        nextWorkerID += 1
        members[member.id] = member
        connections[connection] = member.id
        dismissed.remove(ProcessKey(host: join.host, pid: join.pid))
        log(.joined(member.name, threads: Int(join.threads), dataEndpoint: join.dataEndpoint))
        welcome(member)
    }

    private func refusal(of join: Message.Join) -> Message.Refusal? {
        switch phase {
        case .ending(let outcome, _):
            return Message.Refusal(reason: .runEnded, text: "the run is over: \(outcome.text)")
        case .ended: return Message.Refusal(reason: .runEnded, text: "the run is over")
        case .gathering, .running, .yielding: break
        }
        if stop != nil {
            return Message.Refusal(reason: .runEnded, text: "the run is stopping")
        }
        if let twin = orderedMembers.first(where: { $0.join.incarnation == join.incarnation }) {
            return Message.Refusal(
                reason: .duplicate, text: "incarnation \(join.incarnation) is in the run already as \(twin.name)")
        }
        if members.count >= WireLimit.members {
            return Message.Refusal(
                reason: .tableFull, text: "the run has \(members.count) workers already, the most it can have")
        }
        return nil
    }

    private mutating func welcome(_ member: CoordinatorMember) {
        send(
            .welcome(
                Message.Welcome(
                    workerID: member.id,
                    heartbeatMilliseconds: UInt32(clamping: configuration.heartbeatMilliseconds),
                    silenceMilliseconds: UInt32(clamping: configuration.silenceMilliseconds),
                    job: configuration.job)),
            to: member.connection)
    }

    mutating func receivePrepared(_ id: WorkerID, seesRunDirectory: Bool, now: UInt64) {
        guard let member = members[id], member.state == .preparing else { return }
        members[id]?.state = .ready
        members[id]?.seesRunDirectory = seesRunDirectory
        log(.prepared(member.name, seesRunDirectory: seesRunDirectory))
        switch phase {
        case .gathering, .yielding: advance(now)
        case .running:
            if ringMembers.count(where: { !$0.isLeaving }) < configuration.maximumRanks {
                askToYield(.regroup, why: "\(member.name) joins")
            } else {
                standBy(id)
            }
        case .ending, .ended: break
        }
    }

    mutating func standBy(_ id: WorkerID) {
        guard let member = members[id] else { return }
        let why = "the ring has all \(configuration.maximumRanks) ranks that the job can use"
        log(.standingBy(member.name, why: why))
        send(.standby(text: why), to: member.connection)
    }

    mutating func refuseVersion(_ frame: OtherVersionFrame, _ connection: ConnectionID) {
        // Refusals are not answered with refusals.
        guard frame.messageNumber < MessageID.welcome.rawValue else { return }
        refuse(
            connection, .wrongVersion,
            "the coordinator speaks protocol version \(configuration.version), the worker version \(frame.version): "
                + "run the same release on all machines")
    }

    mutating func refuse(_ connection: ConnectionID, _ reason: RefusalReason, _ text: String) {
        let refusal = Message.Refusal(reason: reason, text: text)
        log(.refused(name(of: connection), refusal))
        send(.refuse(refusal), to: connection)
    }
}
