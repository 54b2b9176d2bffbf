/// Which ranks of a generation are on which host.
public struct Topology: Equatable, Sendable {
    /// By rank: the number of its host, from 0.
    public let hosts: [Int]
    /// By host: its ranks, in order. The first is the host's **leader**, which talks to other hosts for all of them.
    public let members: [[Int]]

    /// - Parameter hosts: every number from 0 to the greatest must occur.
    public init(hosts: [Int]) {
        self.hosts = hosts
        let count = (hosts.max() ?? -1) + 1
        members = (0..<count).map { host in hosts.indices.filter { hosts[$0] == host } }
        precondition(members.allSatisfy { !$0.isEmpty }, "hosts are numbered without gaps")
    }

    public var hostCount: Int { members.count }

    /// Whether all ranks, more than one, are on one host.
    public var isOneHost: Bool { hostCount == 1 && hosts.count > 1 }

    /// Whether there are several hosts and one of them has several ranks.
    public var isHierarchical: Bool { hostCount > 1 && hosts.count > hostCount }

    /// By host: its leader's rank.
    public var leaders: [Int] { members.map { $0[0] } }
}
