/// Which ranks measure the connection between them, when, and with which messages: a function of where the ranks are and
/// of nothing else, so that all ranks exchange the same messages however long they take.
public struct CalibrationSchedule: Equatable, Sendable {
    public struct Pair: Equatable, Sendable {
        public let first: Int
        public let second: Int
    }

    /// By rank: its host, numbered from 0 in the order in which hosts first occur.
    public let hosts: [Int]
    /// By host: its first rank, which measures for it.
    public let leaders: [Int]
    /// Ranks of one host that measure within it; one pair a host with several ranks, all at the same time.
    public let withinHosts: [Pair]
    /// Leaders that measure between hosts, each pair in both directions. No host is in two pairs of a round, so nobody
    /// shares a network port.
    public let rounds: [[Pair]]
    /// Messages of these lengths (bytes) go one way, empty ones come back.
    public let sizes: [Int]
    /// How often each of `sizes` is sent.
    public let repetitions: [Int]

    /// Up to this number of hosts all pairs measure.
    static let fullTournamentHosts = 8

    /// - Parameter hosts: by rank: any number that tells its host from others.
    public init(hosts: [Int]) {
        self.hosts = numberedByFirst(hosts)
        let count = (self.hosts.max() ?? -1) + 1
        let members = (0..<count).map { [hosts = self.hosts] host in hosts.indices.filter { hosts[$0] == host } }
        leaders = members.map { $0[0] }
        withinHosts = members.filter { $0.count > 1 }.map { Pair(first: $0[0], second: $0[1]) }
        let order = leaders
        rounds = (count <= Self.fullTournamentHosts ? Self.tournament(count) : Self.shifts(count)).map { round in
            round.map { Pair(first: order[$0.0], second: order[$0.1]) }
        }
        // The more pairs a host is in, the less it sends in each: under 0.8 s in all at 100 Mbit/s for up to eight hosts.
        sizes = [0, 64 << 10, count <= 2 ? 1 << 20 : count <= 4 ? 512 << 10 : 256 << 10]
        repetitions = [4, 2, 2]
    }

    /// The bytes that a leader sends or receives between hosts, at most.
    public var bytesPerLeader: Int { 2 * rounds.count * zip(sizes, repetitions).reduce(0) { $0 + $1.0 * $1.1 } }

    /// The directed connections between hosts, as leaders' ranks, in the order in which they are measured.
    var connections: [(from: Int, to: Int)] {
        rounds.joined().flatMap { [(from: $0.first, to: $0.second), (from: $0.second, to: $0.first)] }
    }

    /// All pairs in rounds in which nobody is in two: the circle method.
    private static func tournament(_ count: Int) -> [[(Int, Int)]] {
        guard count > 1 else { return [] }
        // With an odd number somebody pauses: whoever would play against the one too many.
        let seats = count + count % 2
        return (0..<seats - 1).map { round in
            var pairs = [(round, seats - 1)]
            for distance in 1..<seats / 2 {
                let pair = ((round + distance) % (seats - 1), (round - distance + seats - 1) % (seats - 1))
                pairs.append((min(pair.0, pair.1), max(pair.0, pair.1)))
            }
            return pairs.filter { $0.1 < count }
        }
    }

    /// Neighbours in the ring, then hosts 2, 4, 8… apart: `O(log h)` rounds.
    private static func shifts(_ count: Int) -> [[(Int, Int)]] {
        var rounds: [[(Int, Int)]] = []
        var distance = 1
        while distance <= count / 2 {
            // Along each closed walk in steps of `distance` every other connection can measure at the same time; with an
            // odd number of them the last waits for a third round.
            var colors: [[(Int, Int)]] = [[], [], []]
            var isSeen = Array(repeating: false, count: count)
            for start in 0..<count where !isSeen[start] {
                var walk: [Int] = []
                var host = start
                while !isSeen[host] {
                    isSeen[host] = true
                    walk.append(host)
                    host = (host + distance) % count
                }
                // Half-way round there and back again is one connection.
                for index in walk.indices where walk.count > 2 || index == 0 {
                    let isOdd = walk.count % 2 == 1 && index == walk.count - 1
                    colors[isOdd ? 2 : index % 2].append((walk[index], walk[(index + 1) % walk.count]))
                }
            }
            rounds += colors.filter { !$0.isEmpty }
            distance *= 2
        }
        return rounds
    }
}
