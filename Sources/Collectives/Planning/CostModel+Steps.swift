/// Messages that are on their way at the same time, as far as they set the pace.
struct CommunicationStep: Equatable {
    /// The most messages that one host's port carries in one direction.
    var networkMessages = 0
    /// Whether any stay within a host.
    var isWithinHost = false
}

extension CostModel {
    /// Sums up a step in which each of `messages` goes from one rank to another, both counted host by host.
    func step(_ messages: some Sequence<(from: Int, to: Int)>) -> CommunicationStep {
        let hosts = ranksPerHost.enumerated().flatMap { Array(repeating: $0.offset, count: $0.element) }
        var step = CommunicationStep()
        var sent = Array(repeating: 0, count: hostCount)
        var received = sent
        for (from, to) in messages {
            guard hosts[from] != hosts[to] else {
                step.isWithinHost = true
                continue
            }
            sent[hosts[from]] += 1
            received[hosts[to]] += 1
        }
        step.networkMessages = max(sent.max() ?? 0, received.max() ?? 0)
        return step
    }

    /// Seconds that a step takes with messages of `bytes`: those that share a port share its bytes a second.
    func seconds(_ step: CommunicationStep, bytes: Double) -> Double {
        max(
            step.networkMessages > 0 ? network.alpha + Double(step.networkMessages) * network.beta * bytes : 0,
            step.isWithinHost ? host.seconds(bytes: bytes) : 0)
    }

    /// The steps of `recursiveDoublingAllReduce`, and for each whether what arrives is combined.
    func recursiveDoublingSteps() -> [(step: CommunicationStep, combines: Bool)] {
        let size = ranks
        let rounds = (Int.bitWidth - 1) - size.leadingZeroBitCount
        let paired = 1 << rounds
        let extra = size - paired
        let rank = { (number: Int) in number < extra ? number * 2 + 1 : number + extra }
        var steps: [(step: CommunicationStep, combines: Bool)] = []
        if extra > 0 { steps.append((step((0..<extra).map { (from: 2 * $0, to: 2 * $0 + 1) }), true)) }
        for round in 0..<rounds {
            steps.append((step((0..<paired).map { (from: rank($0), to: rank($0 ^ 1 << round)) }), true))
        }
        if extra > 0 { steps.append((step((0..<extra).map { (from: 2 * $0 + 1, to: 2 * $0) }), false)) }
        return steps
    }

    /// The steps of a binomial broadcast from the first rank; those of a reduction to it are the same backwards.
    func treeSteps() -> [CommunicationStep] {
        var steps: [CommunicationStep] = []
        var distance = 1
        while distance < ranks {
            steps.append(
                step(stride(from: 0, to: ranks - distance, by: 2 * distance).map { (from: $0, to: $0 + distance) }))
            distance *= 2
        }
        return steps.reversed()
    }
}
