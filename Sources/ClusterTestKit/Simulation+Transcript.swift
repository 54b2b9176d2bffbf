import ClusterProtocol
import Coordination

extension Simulation {
    /// Keeps `text` as something that happened at `who`: `c` or `w` with the node's number.
    mutating func note(_ who: String, _ text: String) {
        keep(who, text)
    }

    mutating func note(_ frame: Frame, over route: SimulatedNetwork.Route) {
        switch frame.message {
        case .heartbeat, .coordinatorHeartbeat: return
        default: break
        }
        let end = { (node: Int) in node == 0 ? "c" : "w\(node)" }
        let generation = frame.generation == .none ? "" : " [generation \(frame.generation)]"
        keep("\(end(route.from)) → \(end(route.to))", frame.message.summary + generation)
    }

    mutating func note(_ event: WorkerMachine.TrainingEvent, at node: Int) {
        switch event {
        case .linkLost(let rank, let text): keep("w\(node)", "training: link to rank \(rank) lost: \(text)")
        case .failed(_, let text): keep("w\(node)", "training: failed: \(text)")
        default: break
        }
    }

    private mutating func keep(_ who: String, _ text: String) {
        guard scenario.keepsTranscript else { return }
        let time = String(clock.now)
        let columns = String(repeating: " ", count: max(0, 6 - time.count)) + time + "  " + who
        report.transcript.append(columns + String(repeating: " ", count: max(1, 17 - columns.count)) + text)
    }
}

extension Message {
    /// The message in a few words, for transcripts.
    var summary: String {
        switch self {
        case .join(let join): "join: host \(join.host), pid \(join.pid), data at \(join.dataEndpoint)"
        case .prepared(let sees): "prepared, \(sees ? "sees" : "does not see") the run directory"
        case .heartbeat(let step, let phase): "heartbeat at step \(step), \(phase)"
        case .progress(let step, _): "progress of step \(step)"
        case .idle(let next, let has, let reason): "idle before step \(next), \(has ? "with" : "no") state, \(reason)"
        case .leave: "leave"
        case .failed(let code, let text): "failed with \(code): \(text)"
        case .suspect(let rank, let text): "suspect rank \(rank): \(text)"
        case .notice(let text): "notice: \(text)"
        case .finished(let payload): "finished, \(payload.count) bytes"
        case .welcome(let welcome): "welcome, worker \(welcome.workerID)"
        case .refuse(let refusal): "refuse (\(refusal.reason)): \(refusal.text)"
        case .form(let form):
            "form: rank \(form.ownRank) of "
                + form.members.map { "worker \($0.workerID)" }.joined(separator: ", ")
                + "; step \(form.startStep), state \(form.stateSource)"
        case .standby(let text): "standby: \(text)"
        case .yield(let reason): "yield: \(reason)"
        case .abort(let text): "abort: \(text)"
        case .end(let code, let text): "end with \(code): \(text)"
        case .coordinatorHeartbeat: "heartbeat"
        }
    }
}
