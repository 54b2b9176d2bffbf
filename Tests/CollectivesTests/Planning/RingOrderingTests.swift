import Collectives
import Randomness
import Testing

@Suite struct RingOrderingTests {
    private func matrix(_ count: Int, seed: UInt64) -> [[Double]] {
        var random = Philox(seed: seed, path: [UInt64(count)])
        return (0..<count).map { _ in (0..<count).map { _ in 0.1 + 0.9 * random.uniformDouble() } }
    }

    private func permutations(_ values: [Int]) -> [[Int]] {
        guard values.count > 1 else { return [values] }
        return values.indices.flatMap { index in
            var rest = values
            let first = rest.remove(at: index)
            return permutations(rest).map { [first] + $0 }
        }
    }

    private func slowestAndTotal(_ order: [Int], _ speeds: [[Double]]) -> (Double, Double) {
        let edges = order.indices.map { speeds[order[$0]][order[($0 + 1) % order.count]] }
        return (edges.min() ?? .infinity, edges.reduce(0, +))
    }

    @Test(arguments: 3...7)
    func fewHostsHaveTheBestOfAllOrders(hosts: Int) {
        for seed in UInt64(0)..<10 {
            let speeds = matrix(hosts, seed: seed)
            let best = permutations(Array(1..<hosts)).map { slowestAndTotal([0] + $0, speeds) }
                .max { $0 < $1 }!
            let found = RingOrdering.best(bytesPerSecond: speeds, tolerance: 0)
            #expect(found.hosts.sorted() == Array(0..<hosts) && found.hosts[0] == 0)
            #expect((found.slowest, found.total) == slowestAndTotal(found.hosts, speeds))
            #expect(found.slowest == best.0, "seed \(seed)")
            #expect(isClose(found.total, best.1, 1e-12), "seed \(seed)")
        }
    }

    @Test func oneSlowConnectionIsGoneRound() {
        var speeds = Array(repeating: Array(repeating: 1.0, count: 4), count: 4)
        #expect(RingOrdering.best(bytesPerSecond: speeds).hosts == [0, 1, 2, 3])
        speeds[1][2] = 0.1
        speeds[2][1] = 0.1
        let around = RingOrdering.best(bytesPerSecond: speeds)
        #expect(around.slowest == 1)
        #expect(around.hosts == [0, 1, 3, 2])
        // Slow in one direction only: the ring may pass it the other way.
        speeds[2][1] = 1
        #expect(RingOrdering.best(bytesPerSecond: speeds).slowest == 1)
    }

    @Test func noiseDoesNotChangeTheOrder() {
        for seed in UInt64(0)..<50 {
            for hosts in [4, 8, 12] {
                let speeds = matrix(hosts, seed: seed).map { $0.map { 100 + 2 * $0 } }
                let given = Array((0..<hosts).reversed())
                #expect(RingOrdering.best(bytesPerSecond: speeds, given: given).hosts == given, "seed \(seed)")
            }
        }
    }

    @Test func manyHostsComeNearTheBound() {
        for seed in UInt64(0)..<5 {
            let speeds = matrix(20, seed: seed)
            let found = RingOrdering.best(bytesPerSecond: speeds)
            #expect(found.hosts.sorted() == Array(0..<20) && found.hosts[0] == 0)
            // A ring enters and leaves every host.
            let bound = (0..<20).flatMap { host -> [Double] in
                let others = (0..<20).filter { $0 != host }
                return [others.map { speeds[host][$0] }.max()!, others.map { speeds[$0][host] }.max()!]
            }.min()!
            #expect(found.slowest <= bound)
            #expect(found.slowest >= 0.7 * bound, "seed \(seed): \(found.slowest) of \(bound)")
            #expect(found == RingOrdering.best(bytesPerSecond: speeds), "deterministic")
        }
    }

    @Test func manyHostsGoRoundASlowHostPair() {
        var speeds = Array(repeating: Array(repeating: 1.0, count: 12), count: 12)
        speeds[4][5] = 0.2
        speeds[11][0] = 0.2
        #expect(RingOrdering.best(bytesPerSecond: speeds).slowest == 1)
    }

    @Test func membersOfAHostStayNeighbours() {
        var speeds = Array(repeating: Array(repeating: 1.0, count: 4), count: 4)
        speeds[1][2] = 0.1
        let ring = RingOrdering.best(bytesPerSecond: speeds)
        let ranks = ring.ranks(hostsOfRanks: [0, 1, 0, 2, 3, 3, 1])
        #expect(ranks.sorted() == Array(0..<7))
        let hosts = ranks.map { [0, 1, 0, 2, 3, 3, 1][$0] }
        #expect(zip(hosts, hosts.dropFirst()).filter { $0 != $1 }.count == 3)
    }

    @Test(arguments: 0...2) func aRingOfTwoIsWhatItIs(hosts: Int) {
        let speeds = Array(repeating: Array(repeating: 1.0, count: hosts), count: hosts)
        #expect(RingOrdering.best(bytesPerSecond: speeds).hosts == Array(0..<hosts))
    }
}
