/// What a calibration found: the same on all ranks, bit for bit.
public struct CalibrationResult: Equatable, Sendable {
    /// By rank: its host, numbered from 0 in the order in which hosts first occur.
    public let hosts: [Int]
    /// Messages within a host, of the slowest host; nil if no host has two ranks.
    public let withinHost: LinkCost?
    /// Messages from host (row) to host (column); nil where nothing was measured.
    public let betweenHosts: [[LinkCost?]]
    /// Seconds a byte combined, of the slowest rank.
    public let gamma: Double

    /// Bytes a second from host to host in messages of `messageBytes`, for `RingOrdering`. Of what was not measured
    /// nothing is known, so it counts as 0; the given ring was measured.
    public func bytesPerSecond(messageBytes: Int = 1 << 20) -> [[Double]] {
        betweenHosts.map { row in
            row.map { cost in
                cost.map { Double(messageBytes) / max($0.seconds(bytes: Double(messageBytes)), .leastNormalMagnitude) }
                    ?? 0
            }
        }
    }

    /// The order in which a ring should visit the hosts; as they are, unless another is better by `tolerance`.
    public func ringOrdering(tolerance: Double = 0.1) -> RingOrdering {
        RingOrdering.best(bytesPerSecond: bytesPerSecond(), tolerance: tolerance)
    }

    /// What messages cost with the hosts in this ring order: between hosts what the ring's slowest connection costs,
    /// since all wait for it.
    ///
    /// - Parameters:
    ///   - ring: the hosts' order; nil takes them by number.
    ///   - sharedMemory: what the ranks of a host pay for memory that they share, if they do.
    public func model(ring: [Int]? = nil, sharedMemory: LinkCost? = nil) -> CostModel {
        let ring = ring ?? Array(betweenHosts.indices)
        let edges = ring.indices.compactMap { betweenHosts[ring[$0]][ring[($0 + 1) % ring.count]] }
        let network =
            edges.isEmpty
            ? nil
            : LinkCost(
                alpha: edges.map(\.alpha).max() ?? 0, beta: edges.map(\.beta).max() ?? 0, gamma: gamma)
        let nothing = LinkCost(alpha: 0, beta: 0, gamma: gamma)
        // A level that does not occur is given the other's cost; nothing reads it.
        return CostModel(
            host: withinHost ?? network ?? nothing, network: network ?? withinHost ?? nothing,
            sharedMemory: sharedMemory, hosts: hosts)
    }
}
