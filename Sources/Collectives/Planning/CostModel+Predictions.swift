extension CostModel {
    /// Predicted seconds of an all-reduce of `bytes`, with chunks of `chunkBytes` where the algorithm has chunks.
    ///
    /// `docs/collectives-planning.md` derives the formulas.
    ///
    /// - Returns: nil where the ranks' places do not allow the algorithm; of `auto`, the cheapest algorithm's time.
    public func allReduceSeconds(_ algorithm: AllReduceAlgorithm, bytes: Int, chunkBytes: Int) -> Double? {
        guard ranks > 1, bytes > 0 else { return 0 }
        let n = Double(bytes)
        switch algorithm {
        case .auto:
            return AllReduceAlgorithm.allCases.filter { $0 != .auto }
                .compactMap { allReduceSeconds($0, bytes: bytes, chunkBytes: chunkBytes) }.min()
        case .ring:
            return ringSeconds(ranks, slowestHop, n, Double(chunkBytes))
        case .recursiveDoubling:
            return recursiveDoublingSteps().reduce(0) {
                $0 + seconds($1.step, bytes: n) + ($1.combines ? gamma * n : 0)
            }
        case .tree:
            return treeSteps().reduce(0) { $0 + 2 * seconds($1, bytes: n) + gamma * n }
        case .hierarchical:
            return hostCount > 1 && ranks > hostCount ? hierarchicalSeconds(n, Double(chunkBytes)) : nil
        case .sharedMemory:
            return hostCount == 1 ? sharedMemorySeconds(n) : nil
        }
    }

    /// Predicted seconds of a broadcast of the whole buffer down a binomial tree.
    public func treeBroadcastSeconds(bytes: Int) -> Double {
        bytes > 0 ? treeSteps().reduce(0) { $0 + seconds($1, bytes: Double(bytes)) } : 0
    }

    /// Predicted seconds of a broadcast along a chain in chunks: the first one goes through all hops, the others follow
    /// it at the pace of the slowest.
    public func chainBroadcastSeconds(bytes: Int, chunkBytes: Int) -> Double {
        guard ranks > 1, bytes > 0 else { return 0 }
        let chunks = Double((bytes + chunkBytes - 1) / chunkBytes)
        let first = Double(min(bytes, chunkBytes))
        let hops =
            Double(ranks - hostCount) * host.seconds(bytes: first)
            + Double(hostCount - 1) * network.seconds(bytes: first)
        return hops + (chunks - 1) * slowestHop.alpha + slowestHop.beta * (Double(bytes) - first)
    }

    /// A ring of `members`. A step carries one segment in chunks; adding a chunk overlaps with carrying the next one, and
    /// the step is as long as the longest of: carrying all, adding all, one chunk's way through both.
    private func ringSeconds(_ members: Int, _ hop: LinkCost, _ n: Double, _ chunkBytes: Double) -> Double {
        let segment = n / Double(members)
        let chunk = min(chunkBytes, segment)
        let carry = (segment / chunk).rounded(.up) * hop.alpha + hop.beta * segment
        let reduce = max(carry, gamma * segment, hop.seconds(bytes: chunk) + gamma * chunk)
        return Double(members - 1) * (reduce + carry)
    }

    /// Reducing inside the hosts, a ring between the leaders and spreading inside, each chunk as soon as it can; small
    /// buffers in one piece, by recursive doubling between the leaders.
    private func hierarchicalSeconds(_ n: Double, _ chunkBytes: Double) -> Double {
        let inside = sharedMemory ?? host
        let members = Double(ranksPerHost.max() ?? 1)
        let chunk = min(chunkBytes, n / Double(hostCount))
        // Each member combines its share of a chunk, and copies all of the final one.
        let perByte = (inside.beta + (members - 1) * gamma) / members + inside.beta
        let leaders = CostModel(host: network, network: network, hosts: Array(0..<hostCount))

        let chunks = (n / chunk).rounded(.up)
        let within = 2 * chunks * inside.alpha + perByte * n
        let between = ringSeconds(hostCount, network, n, chunkBytes)
        let overlapped = max(between + within / chunks, within + between / chunks)

        let doubling = leaders.recursiveDoublingSteps().reduce(0) {
            $0 + network.seconds(bytes: n) + ($1.combines ? gamma * n : 0)
        }
        return min(overlapped, 2 * inside.alpha + perByte * n + doubling)
    }

    /// The cheaper of: all write their values and each reduces all itself (one phase); each reduces its part and writes
    /// it to all (two phases).
    private func sharedMemorySeconds(_ n: Double) -> Double? {
        guard let memory = sharedMemory else { return nil }
        let others = Double(ranks - 1)
        let oneShot = memory.alpha + (memory.beta + others * gamma) * n
        let direct = 2 * memory.alpha + (memory.beta + others / Double(ranks) * gamma) * n
        return min(oneShot, direct)
    }
}
