import ClusterProtocol
import Coordination

extension Simulation {
    mutating func act(_ action: Scenario.Action) {
        switch action {
        case .kill(0):
            note("c", "is killed")
            coordinatorRuns = false
        case .kill(let node): kill(node)
        case .pause(let node):
            note(node == 0 ? "c" : "w\(node)", "is paused")
            paused.insert(node)
        case .resume(let node): resume(node)
        case .leave(let node): leave(node)
        case .stop:
            note("c", "is asked to stop")
            tellCoordinator(.stopRequested(now: clock.now))
        case .fail(let node, let code, let text):
            trainingReports(node, .failed(exitCode: code, text: text))
        case .partition(let node):
            network.partition(.init(from: node, to: 0))
            network.partition(.init(from: 0, to: node))
        case .heal(let node): heal(node)
        case .breakLink(let node): breakLink(node)
        case .replayOldFrame: replayOldFrame()
        }
    }

    private mutating func kill(_ node: Int) {
        guard workers[node - 1].phase == .running else {
            workers[node - 1].phase = .over
            return
        }
        note("w\(node)", "is killed")
        let worker = workers[node - 1]
        workers[node - 1].report.killed =
            worker.generation != nil ? .inRing : worker.report.steps.isEmpty ? .beforeRing : .afterRing
        processEnds(node, status: "killed by signal 9")
    }

    private mutating func resume(_ node: Int) {
        guard paused.remove(node) != nil else { return }
        note(node == 0 ? "c" : "w\(node)", "is resumed")
        for event in backlog.removeValue(forKey: node) ?? [] {
            queue.schedule(event, at: clock.now)
        }
    }

    private mutating func leave(_ node: Int) {
        guard coordinatorRuns, workers[node - 1].phase != .over else { return }
        guard rings[Generation(1)] != nil, workers[node - 1].report.wasWelcomed else {
            queue.schedule(.act(.leave(node)), at: clock.now + 50)
            return
        }
        note("w\(node)", "is asked to leave")
        tell(node, .leaveRequested(now: clock.now))
    }

    private mutating func heal(_ node: Int) {
        for route in [SimulatedNetwork.Route(from: node, to: 0), .init(from: 0, to: node)] {
            for bytes in network.heal(route) { transmit(bytes, over: route) }
        }
    }

    private mutating func breakLink(_ node: Int) {
        guard let generation = workers[node - 1].generation, let ring = rings[generation], !ring.isBroken,
            ring.nodes.count > 1, let rank = ring.nodes.firstIndex(of: node)
        else {
            queue.schedule(.act(.breakLink(node)), at: clock.now + 10)
            return
        }
        rings[generation]?.isBroken = true
        let delay = draw(scenario.linkLossDelays)
        let lost = WorkerMachine.TrainingEvent.linkLost(
            rank: UInt32((rank + 1) % ring.nodes.count), text: "connection reset")
        queue.schedule(.training(node, lost), at: clock.now + delay)
    }

    private mutating func replayOldFrame() {
        guard let present = rings.keys.max() else { return }
        let former = oldFrames.filter { $0.0.generation < present }
        guard !former.isEmpty else { return }
        let (frame, route) = former[random.below(former.count)]
        transmit(frame.encoded(), over: route)
    }
}
