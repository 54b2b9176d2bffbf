/// The order in which a ring visits the hosts.
///
/// A ring is as fast as its slowest connection, so the order with the fastest slowest one is best; among equals the one
/// whose connections carry most together. Connections may differ by direction.
public struct RingOrdering: Equatable, Sendable {
    /// The hosts in ring order; the first is that of the given order.
    public let hosts: [Int]
    /// Bytes a second of the slowest connection.
    public let slowest: Double
    /// Bytes a second of all connections together.
    public let total: Double

    /// Up to this number of hosts all orders are tried.
    static let exactHosts = 8

    /// Chooses an order: exactly for up to eight hosts, by local search from several starts beyond. The same on all
    /// ranks that have the same matrix.
    ///
    /// - Parameters:
    ///   - bytesPerSecond: from host (row) to host (column), square; the diagonal is not read. What is not finite or
    ///     negative counts as 0, except that infinity is infinitely fast.
    ///   - given: the order so far, each host once; nil takes them by number.
    ///   - tolerance: the given order stays unless another is better by this part, in its slowest connection or, with
    ///     that no slower, in total: measurements are noisy, and ranks gain nothing by moving.
    public static func best(
        bytesPerSecond: [[Double]], given: [Int]? = nil, tolerance: Double = 0.1
    ) -> RingOrdering {
        let count = bytesPerSecond.count
        let given = given ?? Array(0..<count)
        precondition(bytesPerSecond.allSatisfy { $0.count == count }, "as many columns as rows")
        precondition(given.sorted() == Array(0..<count), "each host stands in the ring once")
        let speeds = bytesPerSecond.map { $0.map { $0 > 0 ? $0 : 0 } }
        let current = RingOrdering(given, speeds)
        // All rings of up to two hosts are the same.
        guard count > 2 else { return current }
        let search = RingSearch(speeds: speeds, given: given)
        let best = RingOrdering(count <= exactHosts ? search.exact() : search.local(), speeds)
        let isFaster = best.slowest > current.slowest * (1 + tolerance)
        let isRicher = best.slowest >= current.slowest && best.total > current.total * (1 + tolerance)
        return isFaster || isRicher ? best : current
    }

    init(_ hosts: [Int], _ speeds: [[Double]]) {
        self.hosts = hosts
        guard hosts.count > 1 else {
            (slowest, total) = (.infinity, 0)
            return
        }
        let edges = hosts.indices.map { speeds[hosts[$0]][hosts[($0 + 1) % hosts.count]] }
        slowest = edges.min() ?? .infinity
        total = edges.reduce(0, +)
    }

    /// All ranks in ring order: host by host, the ranks of one in their own order.
    ///
    /// - Parameter hostsOfRanks: by rank: its host, numbered as in `hosts`.
    public func ranks(hostsOfRanks: [Int]) -> [Int] {
        hosts.flatMap { host in hostsOfRanks.indices.filter { hostsOfRanks[$0] == host } }
    }
}
