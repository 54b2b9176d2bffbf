import ClusterProtocol
import Coordination

/// A ring in the model of training: all ranks finish a step together, or none does.
struct ModelRing {
    var formed: FormedGeneration
    /// Worker nodes by rank.
    var nodes: [Int]
    var arrived: Set<Int> = []
    var isBroken = false
}

extension Simulation {
    /// A worker was told to run a generation; the first step begins when all its members have come.
    mutating func enter(_ formed: FormedGeneration, _ node: Int) {
        let generation = formed.generation
        if let present = workers[node - 1].generation {
            violation("worker \(node) was put into generation \(generation) while in \(present)")
        }
        workers[node - 1].generation = generation
        workers[node - 1].flag = nil
        if rings[generation] == nil {
            checkNoOverlap(generation)
            let nodes = formed.members.map { Int($0.pid - Scenario.pid(of: 0)) }
            rings[generation] = ModelRing(formed: formed, nodes: nodes)
        }
        guard rings[generation]?.formed.members == formed.members else {
            violation("generation \(generation) has two member tables")
            return
        }
        rings[generation]?.arrived.insert(node)
        guard let ring = rings[generation], ring.arrived.count == ring.nodes.count, !ring.isBroken else { return }
        begin(ring)
    }

    /// While one ring computes, no other may be formed.
    private mutating func checkNoOverlap(_ generation: Generation) {
        for worker in workers where worker.phase == .running {
            if let present = worker.generation, present != generation {
                violation("generation \(generation) was formed while worker \(worker.node) computes in \(present)")
            }
        }
    }

    private mutating func begin(_ ring: ModelRing) {
        let first: UInt64
        switch ring.formed.stateSource {
        case .initial:
            first = 1
            if !report.steps.isEmpty { violation("generation \(ring.formed.generation) begins anew") }
        case .rank(let rank):
            let source = ring.nodes[Int(rank)]
            first = ring.formed.startStep
            if workers[source - 1].nextStep != first {
                violation("worker \(source) is to give the state before step \(first) and does not have it")
            }
        }
        for node in ring.nodes {
            workers[node - 1].nextStep = first
            tell(node, .training(.stepBegan(step: first, phase: "forward"), now: clock.now))
        }
        later(scenario.stepTimes, .stepDone(ring.formed.generation, step: first))
    }

    mutating func stepDone(_ generation: Generation, _ step: UInt64) {
        guard let ring = rings[generation], !ring.isBroken else { return }
        if ring.nodes.contains(where: { paused.contains($0) }) {
            queue.schedule(.stepDone(generation, step: step), at: clock.now + 20)
            return
        }
        if let last = report.steps.last, last.step + 1 != step {
            violation("step \(step) follows step \(last.step)")
        }
        report.steps.append(SimulationReport.Step(generation: generation, step: step, nodes: ring.nodes))
        // The all-reduced flag.
        let reason = ring.nodes.compactMap { workers[$0 - 1].flag }.max()
        tell(ring.nodes[0], .training(.progress(step: step, payload: [1]), now: clock.now))
        for (rank, node) in ring.nodes.enumerated() {
            workers[node - 1].nextStep = step + 1
            workers[node - 1].report.steps.append(step)
            if step == scenario.steps {
                later(scenario.networkDelays, .training(node, .finished(payload: rank == 0 ? [42] : [])))
            } else if let reason {
                let idle = WorkerMachine.TrainingEvent.idle(nextStep: step + 1, hasState: true, reason: reason)
                later(scenario.networkDelays, .training(node, idle))
            } else {
                tell(node, .training(.stepBegan(step: step + 1, phase: "forward"), now: clock.now))
            }
        }
        if step < scenario.steps, reason == nil {
            later(scenario.stepTimes, .stepDone(generation, step: step + 1))
        } else {
            // The ring is left in peace: what breaks from here on breaks no step.
            rings[generation]?.isBroken = true
        }
    }

    mutating func trainingReports(_ node: Int, _ event: WorkerMachine.TrainingEvent) {
        guard workers[node - 1].phase == .running else { return }
        switch event {
        case .idle, .finished: workers[node - 1].generation = nil
        default: break
        }
        note(event, at: node)
        tell(node, .training(event, now: clock.now))
    }

    /// The worker's part in its ring ends in mid-step: no rank completes the step, and its neighbours may see why.
    mutating func leaveBroken(_ node: Int) {
        guard let generation = workers[node - 1].generation else { return }
        workers[node - 1].generation = nil
        guard let ring = rings[generation], !ring.isBroken else { return }
        rings[generation]?.isBroken = true
        guard scenario.linksBreak, let rank = ring.nodes.firstIndex(of: node) else { return }
        let size = ring.nodes.count
        for neighbour in Set([(rank + 1) % size, (rank + size - 1) % size]).sorted() where neighbour != rank {
            loseLink(from: ring.nodes[neighbour], toRank: rank)
        }
    }

    mutating func loseLink(from node: Int, toRank rank: Int) {
        let delay = draw(scenario.linkLossDelays)
        queue.schedule(
            .training(node, .linkLost(rank: UInt32(rank), text: "connection closed")), at: clock.now + delay)
        // A training loop may tell of the same break once more, as a failure.
        if random.chance(0.5) {
            let code = random.chance(0.5) ? ExitCode.workerLost : ExitCode.noCluster
            let failed = WorkerMachine.TrainingEvent.failed(
                exitCode: code,
                text: "all-reduce aborted: link to rank \(rank) lost")
            queue.schedule(.training(node, failed), at: clock.now + delay + draw(0...30))
        }
    }
}
