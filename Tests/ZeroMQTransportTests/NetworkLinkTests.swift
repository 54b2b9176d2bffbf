import Collectives
import Foundation
import Testing
import ZeroMQTransport

@Suite struct NetworkLinkTests {
    /// All collectives on one link; returns what must be equal on all ranks.
    @Sendable private static func work(_ link: any Link) throws -> [Int64] {
        let communicator = Communicator(link: link, limits: CollectiveLimits(chunkBytes: 128 << 10))
        let rank = communicator.rank
        var sums: [Int64] = []
        for count in [1, 100, 5000, 300_000] {
            var values = (0..<count).map { Float($0 % 1009 + rank) }
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
            sums.append(values.reduce(0) { $0 &* 31 &+ Int64($1) })
            try communicator.barrier()
            try values.withUnsafeMutableBufferPointer { try communicator.broadcast($0, root: communicator.size - 1) }
            let counts = (0..<communicator.size).map { $0 * count }
            var all = [Float](repeating: 0, count: counts.reduce(0, +))
            let own = [Float](repeating: Float(rank), count: counts[rank])
            try own.withUnsafeBufferPointer { own in
                try all.withUnsafeMutableBufferPointer { try communicator.allGather(own, counts: counts, into: $0) }
            }
            sums.append(all.reduce(0) { $0 &* 31 &+ Int64($1) })
        }
        return sums
    }

    @Test(arguments: [1, 2, 3, 4], [false, true])
    func collectivesAreExactOverSockets(ranks: Int, ipc: Bool) throws {
        let results = try withDataPorts(ranks, ipc: ipc) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            return try Self.work(link)
        }
        let sums = try results.map { try $0.get() }
        let expected = [1, 100, 5000, 300_000].flatMap { count in
            let extra = Int64(ranks * (ranks - 1) / 2)
            let reduced = (0..<count).reduce(Int64(0)) { $0 &* 31 &+ Int64($1 % 1009) * Int64(ranks) &+ extra }
            let gathered = (0..<ranks).flatMap { Array(repeating: Int64($0), count: $0 * count) }
            return [reduced, gathered.reduce(0) { $0 &* 31 &+ $1 }]
        }
        #expect(sums.allSatisfy { $0 == expected })
    }

    @Test func generationsFollowEachOtherOnTheSamePorts() throws {
        let results = try withDataPorts(3) { rank, port, peers in
            try (1...5).map { generation in
                let link = try port.makeLink(
                    rank: rank, peers: peers, runID: 1, generation: UInt64(generation), abort: AbortSignal())
                defer { link.close() }
                var values = [Int32(rank + generation)]
                let communicator = Communicator(link: link)
                try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
                return values[0]
            }
        }
        for result in results { #expect(try result.get() == [6, 9, 12, 15, 18]) }
    }

    @Test func aBufferMayChangeAfterFlush() throws {
        let received = try withDataPorts(2) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            var wrong = 0
            var bytes = [UInt8](repeating: 0, count: 3 << 20)
            for round in UInt8(1)...20 {
                if rank == 0 {
                    for index in bytes.indices { bytes[index] = round }
                    try bytes.withUnsafeBytes { try link.send($0, to: 1) }
                    try link.flush()
                    for index in bytes.indices { bytes[index] = 0 }
                } else {
                    try link.receive(from: 0) { if !$0.allSatisfy({ $0 == round }) { wrong += 1 } }
                }
            }
            try Communicator(link: link).barrier()
            return wrong
        }
        #expect(try received.map { try $0.get() } == [0, 0])
    }

    @Test func ranksThatAllSendFirstDoNotWaitForEachOther() throws {
        // More than the queues of both ends and the kernel hold.
        let count = 400
        let results = try withDataPorts(3) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            let bytes = [UInt8](repeating: UInt8(rank), count: 200 << 10)
            var received = 0
            try bytes.withUnsafeBytes { bytes in
                for _ in 0..<count { try link.send(bytes, to: (rank + 1) % 3) }
                for _ in 0..<count {
                    try link.receive(from: (rank + 2) % 3) { received += $0.first == UInt8((rank + 2) % 3) ? 1 : 0 }
                }
                try link.flush()
            }
            return received
        }
        #expect(try results.map { try $0.get() } == [count, count, count])
    }

    @Test(.timeLimit(.minutes(1))) func whatHasArrivedIsToldAndKept() throws {
        let results = try withDataPorts(3) { rank, port, peers -> [Bool] in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            defer { link.close() }
            func send(_ value: UInt8, to peer: Int) throws {
                try withUnsafeBytes(of: value) { try link.send($0, to: peer) }
            }
            func receive(from peer: Int) throws -> UInt8 {
                var value: UInt8 = 0
                try link.receive(from: peer) { value = $0[0] }
                return value
            }
            guard rank == 0 else {
                // Says nothing before it is asked.
                _ = try receive(from: 0)
                for value in UInt8(1)...2 { try send(value, to: 0) }
                try Communicator(link: link).barrier()
                return []
            }
            var found = [try link.hasArrived(from: 1), try link.hasArrived(from: 2)]
            try send(0, to: 1)
            while try !link.hasArrived(from: 1) { sched_yield() }
            found.append(try link.hasArrived(from: 2))
            try send(0, to: 2)
            while try !link.hasArrived(from: 2) { sched_yield() }
            // Both messages of both, in order, though some were taken in while others were asked for.
            for peer in 1...2 { for value in UInt8(1)...2 { found.append(try receive(from: peer) == value) } }
            try Communicator(link: link).barrier()
            return found
        }
        #expect(try results[0].get() == [false, false, false, true, true, true, true])
        for result in results { _ = try result.get() }
    }

    @Test func aMessageLongerThanThePortAllowsIsRefusedByItsSender() throws {
        let results = try withDataPorts(2, maximumMessageBytes: 1000) { rank, port, peers in
            let link = try port.makeLink(rank: rank, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
            try [UInt8](repeating: 0, count: 1001).withUnsafeBytes { try link.send($0, to: 1 - rank) }
        }
        for result in results {
            guard case .invalidArgument(let problem)? = cause(result) else {
                Issue.record("\(result)")
                continue
            }
            #expect(problem.contains("1001"))
        }
    }

    @Test func plainPortsDoNotLeaveTheHostAndKeysMustMatch() throws {
        let context = try MessagingContext()
        #expect(throws: TransportError.self) { try DataPort(context: context, bind: "tcp://0.0.0.0:*", keys: nil) }
        let port = try DataPort(context: context, bind: "tcp://127.0.0.1:*", keys: nil)
        let key = try CurveKeyPair.generate().publicKey
        let peers = [
            PeerAddress(endpoint: port.endpoint, publicKey: nil),
            PeerAddress(endpoint: "tcp://127.0.0.1:1", publicKey: key),
        ]
        #expect(throws: TransportError.self) {
            try port.makeLink(rank: 0, peers: peers, runID: 1, generation: 1, abort: AbortSignal())
        }
        #expect(throws: TransportError.self) {
            try port.makeLink(rank: 2, peers: [peers[0]], runID: 1, generation: 1, abort: AbortSignal())
        }
    }
}
