import Randomness

/// When the bytes that one node sends reach another: reliable, in order per pair of nodes, with seeded delays.
///
/// A partition holds bytes back until it heals, as a reliable channel would; a cut loses them, as a closed connection
/// does.
public struct SimulatedNetwork {
    public typealias Node = Int

    /// A pair of nodes in one direction.
    public struct Route: Hashable, Sendable {
        public var from: Node
        public var to: Node

        public init(from: Node, to: Node) {
            self.from = from
            self.to = to
        }
    }

    private var random: Philox
    private let delays: ClosedRange<UInt64>
    private var lastArrival: [Route: UInt64] = [:]
    private var partitioned: Set<Route> = []
    private var severed: Set<Route> = []
    private var held: [Route: [[UInt8]]] = [:]

    /// - Parameter delays: milliseconds that bytes are under way.
    public init(seed: UInt64, delays: ClosedRange<UInt64>) {
        random = Philox(seed: seed, path: [0x6E65_74])
        self.delays = delays
    }

    /// When `bytes` sent now over `route` arrive; nil if they are held back or lost.
    public mutating func send(_ bytes: [UInt8], over route: Route, now: UInt64) -> UInt64? {
        if severed.contains(route) { return nil }
        if partitioned.contains(route) {
            held[route, default: []].append(bytes)
            return nil
        }
        let spread = Int(delays.upperBound - delays.lowerBound) + 1
        let arrival = now + delays.lowerBound + UInt64(random.below(spread))
        let ordered = max(arrival, lastArrival[route] ?? 0)
        lastArrival[route] = ordered
        return ordered
    }

    /// Holds back whatever is sent over `route` from now on.
    public mutating func partition(_ route: Route) {
        partitioned.insert(route)
    }

    /// Ends a partition; what was held back is returned in order, to be sent now.
    public mutating func heal(_ route: Route) -> [[UInt8]] {
        partitioned.remove(route)
        return held.removeValue(forKey: route) ?? []
    }

    /// Loses whatever is sent over `route` from now on.
    public mutating func cut(_ route: Route) {
        severed.insert(route)
    }
}
