import ClusterTestKit
import Collectives
import Synchronization

/// Gives the messages of an `InMemoryNetwork` the duration of a model: each rank has a clock of its own, which a receive
/// sets forward to when the message has come. Times depend on the messages alone, not on the threads.
///
/// A rank sends one message after the other, each for `α + β n` seconds, receives one after the other likewise, and does
/// everything else in no time.
final class VirtualTime: Sendable {
    private let arrivals: Mutex<[[[Double]]]>
    let cost: @Sendable (_ from: Int, _ to: Int) -> LinkCost

    init(size: Int, cost: @escaping @Sendable (_ from: Int, _ to: Int) -> LinkCost) {
        arrivals = Mutex(Array(repeating: Array(repeating: [], count: size), count: size))
        self.cost = cost
    }

    fileprivate func push(_ time: Double, from: Int, to: Int) {
        arrivals.withLock { $0[from][to].append(time) }
    }

    fileprivate func pop(from: Int, to: Int) -> Double {
        arrivals.withLock { $0[from][to].removeFirst() }
    }

    /// Runs `body` on all ranks and returns what it returned and the rank's clock at the end (seconds).
    static func run<Value: Sendable>(
        _ size: Int, cost: @escaping @Sendable (_ from: Int, _ to: Int) -> LinkCost,
        _ body: @escaping @Sendable (VirtualLink) throws -> Value
    ) throws -> [(value: Value, seconds: Double)] {
        let time = VirtualTime(size: size, cost: cost)
        let results = InMemoryNetwork(size: size).run { link -> (Value, Double) in
            let link = VirtualLink(link, time)
            return (try body(link), link.seconds)
        }
        return try results.map { try $0.get() }.map { (value: $0.0, seconds: $0.1) }
    }
}

final class VirtualLink: Link {
    private let link: any Link
    private let time: VirtualTime
    /// This rank's clock.
    private(set) var seconds = 0.0
    private var isSendingUntil = 0.0
    private var isReceivingUntil = 0.0

    var rank: Int { link.rank }
    var size: Int { link.size }
    var nanoseconds: UInt64 { UInt64((seconds * 1e9).rounded()) }

    init(_ link: any Link, _ time: VirtualTime) {
        self.link = link
        self.time = time
    }

    func send(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws {
        isSendingUntil = max(seconds, isSendingUntil) + time.cost(rank, peer).seconds(bytes: Double(bytes.count))
        time.push(isSendingUntil, from: rank, to: peer)
        try link.send(bytes, to: peer)
    }

    func receive(from peer: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var bytes = 0
        try link.receive(from: peer) {
            bytes = $0.count
            try body($0)
        }
        isReceivingUntil = max(
            time.pop(from: peer, to: rank), isReceivingUntil + time.cost(peer, rank).seconds(bytes: Double(bytes)))
        seconds = max(seconds, isReceivingUntil)
    }

    func hasArrived(from peer: Int) throws -> Bool { try link.hasArrived(from: peer) }
    func flush() throws { try link.flush() }
    func cancel() { link.cancel() }
}

/// A connection of so many microseconds and bits a second.
func connection(microseconds: Double, gigabits: Double, gamma: Double = 1e-10) -> LinkCost {
    LinkCost(alpha: microseconds * 1e-6, beta: 8e-9 / gigabits, gamma: gamma)
}

func isClose(_ value: Double, _ expected: Double, _ part: Double) -> Bool {
    abs(value - expected) <= part * abs(expected)
}
