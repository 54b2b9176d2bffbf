/// What messages cost between the ranks of one generation, by where they are.
///
/// Ranks are taken host by host, as the ring has them. All ranks must have the same model, bit for bit, since they choose
/// their algorithms by it.
public struct CostModel: Equatable, Sendable {
    /// Where the two ends of a connection are.
    public enum Level: Sendable, CaseIterable {
        /// On one host.
        case host
        /// On two hosts.
        case network
    }

    /// Messages within a host.
    public var host: LinkCost
    /// Messages between hosts. β is that of a host's network port, which its ranks share.
    public var network: LinkCost
    /// Memory that the ranks of a host share: α is a phase (all have announced it), β a byte copied. Nil where ranks
    /// cannot map each other's memory.
    public var sharedMemory: LinkCost?
    /// By host, in the order in which hosts first occur: how many ranks it has.
    public let ranksPerHost: [Int]

    /// - Parameter hosts: by rank: any number that tells its host from others.
    public init(host: LinkCost, network: LinkCost, sharedMemory: LinkCost? = nil, hosts: [Int]) {
        precondition(!hosts.isEmpty, "a generation has at least one rank")
        self.host = host
        self.network = network
        self.sharedMemory = sharedMemory
        var counts: [Int] = []
        for number in numberedByFirst(hosts) {
            if number == counts.count { counts.append(0) }
            counts[number] += 1
        }
        ranksPerHost = counts
    }

    public var ranks: Int { ranksPerHost.reduce(0, +) }
    public var hostCount: Int { ranksPerHost.count }

    public subscript(level: Level) -> LinkCost {
        switch level {
        case .host: host
        case .network: network
        }
    }

    /// The same ranks where only a share of each buffer's bytes is carried.
    func carrying(_ share: Double) -> CostModel {
        var model = self
        model.host.beta *= share
        model.network.beta *= share
        return model
    }

    /// Seconds a byte combined: the slower machine's, for which all wait.
    var gamma: Double { max(host.gamma, network.gamma) }

    /// The connection that keeps a ring or a chain through all ranks waiting: host by host, so that each host's port
    /// carries one message at a time.
    var slowestHop: LinkCost {
        guard hostCount > 1 else { return host }
        guard ranks > hostCount else { return network }
        return LinkCost(alpha: max(host.alpha, network.alpha), beta: max(host.beta, network.beta))
    }
}

/// The hosts of ranks, numbered from 0 in the order in which they first occur.
func numberedByFirst(_ hosts: [Int]) -> [Int] {
    var numbers: [Int: Int] = [:]
    return hosts.map { host in
        let number = numbers[host] ?? numbers.count
        numbers[host] = number
        return number
    }
}
