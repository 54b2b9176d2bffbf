import ClusterProtocol
import Coordination

extension Simulation {
    func connection(of node: Int) -> ConnectionID { ConnectionID([UInt8(node)]) }

    mutating func start(_ node: Int) {
        guard workers[node - 1].phase == .notStarted else { return }
        workers[node - 1].phase = .running
        queue.schedule(.tick(node), at: clock.now)
    }

    // MARK: Network

    mutating func transmit(_ frame: Frame, over route: SimulatedNetwork.Route) {
        note(frame, over: route)
        switch frame.message {
        case .yield, .abort, .idle, .suspect, .finished, .progress: oldFrames.append((frame, route))
        default: break
        }
        transmit(frame.encoded(), over: route)
    }

    mutating func transmit(_ bytes: [UInt8], over route: SimulatedNetwork.Route) {
        if let time = network.send(bytes, over: route, now: clock.now) {
            queue.schedule(.arrive(bytes, route), at: time)
        }
    }

    mutating func arrive(_ bytes: [UInt8], _ route: SimulatedNetwork.Route) {
        let isToWorker = route.to != 0
        guard isToWorker ? workers[route.to - 1].phase == .running : coordinatorRuns else { return }
        let version = isToWorker ? workers[route.to - 1].machine.configuration.version : .current
        do {
            let incoming = try IncomingFrame(decoding: bytes, as: version)
            if isToWorker {
                checkFence(incoming, at: route.to)
                tell(route.to, .received(incoming, now: clock.now))
            } else {
                tellCoordinator(.received(incoming, from: connection(of: route.from), now: clock.now))
            }
        } catch {
            violation("a frame did not decode: \(error)")
        }
    }

    /// What belongs to another generation must not reach the training of a worker.
    private mutating func checkFence(_ incoming: IncomingFrame, at node: Int) {
        guard case .frame(let frame) = incoming, let present = workers[node - 1].generation,
            frame.generation != present
        else { return }
        var probe = workers[node - 1].machine
        for directive in probe.handle(.received(incoming, now: clock.now)) {
            switch (directive, frame.message) {
            case (.setYield, _), (.abortCollectives, .abort), (.runGeneration, _):
                violation("worker \(node) in generation \(present) acted upon \(frame)")
            default: break
            }
        }
    }

    // MARK: Coordinator

    mutating func tellCoordinator(_ event: CoordinatorMachine.Event) {
        guard coordinatorRuns else { return }
        for directive in coordinator.handle(event) {
            switch directive {
            case .send(let frame, let connection):
                let node = Int(connection.bytes[0])
                transmit(frame, over: .init(from: 0, to: node))
                if workers[node - 1].phase == .over, scenario.linksBreak {
                    later(0...300, .undeliverable(node))
                }
            case .record(let progress): report.recorded.append(progress.step)
            case .log(let line):
                report.logLines.append(line)
                note("c", line.description)
            case .ended(let outcome):
                report.outcome = outcome
                coordinatorRuns = false
                note("c", "ended with exit code \(outcome.exitCode)")
            }
        }
    }

    // MARK: Workers

    mutating func tell(_ node: Int, _ event: WorkerMachine.Event) {
        guard workers[node - 1].phase == .running else { return }
        for directive in workers[node - 1].machine.handle(event) {
            carryOut(directive, at: node)
        }
    }

    private mutating func carryOut(_ directive: WorkerMachine.Directive, at node: Int) {
        switch directive {
        case .send(let frame): transmit(frame, over: .init(from: node, to: 0))
        case .prepare(let id, _):
            workers[node - 1].id = id
            workers[node - 1].report.wasWelcomed = true
            let sees = workers[node - 1].plan.seesRunDirectory
            later(scenario.preparationTimes, .training(node, .prepared(seesRunDirectory: sees)))
        case .runGeneration(let formed): enter(formed, node)
        case .setYield(let reason): workers[node - 1].flag = max(workers[node - 1].flag ?? reason, reason)
        case .abortCollectives: leaveBroken(node)
        case .log(let line): note("w\(node)", line.description)
        case .exit(let code, let text):
            note("w\(node)", "exits with code \(code): \(text)")
            workers[node - 1].report.exit = SimulationReport.Exit(code: code, text: text)
            processEnds(node, status: "exit status \(code)")
        }
    }

    mutating func processEnds(_ node: Int, status: String) {
        leaveBroken(node)
        workers[node - 1].phase = .over
        workers[node - 1].report.endedAt = clock.now
        if workers[node - 1].plan.isLocal {
            later(1...50, .processExited(node, status: status))
        }
    }
}
