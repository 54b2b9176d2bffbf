import ClusterTestKit
import Collectives
import Foundation
import Testing

/// A number of pieces.
private final class Pieces: SpareWork {
    private(set) var left: Int
    private let body: (Int) throws -> Void

    /// - Parameter body: gets how many pieces are left after this one.
    init(_ count: Int, _ body: @escaping (Int) throws -> Void = { _ in }) {
        left = count
        self.body = body
    }

    var isEmpty: Bool { left == 0 }

    func doNext() throws {
        left -= 1
        try body(left)
    }
}

private struct Refused: Error, Equatable {
    let rank: Int
}

/// What a rank does while an all-reduce waits for others.
@Suite struct SpareWorkTests {
    struct Way: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var limits = CollectiveLimits()
        var hosts: [Int]?
    }

    static let ways = [
        Way(testDescription: "recursive doubling"),
        Way(testDescription: "tree", limits: CollectiveLimits(small: .tree)),
        Way(testDescription: "ring", limits: ringOnly),
        Way(testDescription: "one host", hosts: [0, 0, 0, 0, 0]),
        Way(testDescription: "hosts", hosts: [0, 0, 1, 1, 1]),
        Way(testDescription: "hosts, one rank alone", hosts: [0, 1, 1, 1, 1]),
    ]

    /// 64 and 10,007 elements: below and above the sizes at which shared memory changes its way.
    private static let counts = [64, 10_007]

    private static func sum(
        _ communicator: Communicator, count: Int, meanwhile work: (any SpareWork)?
    ) throws -> Bool {
        var values = (0..<count).map { Int32(sample(communicator.rank, $0)) }
        try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum, meanwhile: work) }
        return values.indices.allSatisfy { index in
            values[index] == Int32((0..<communicator.size).reduce(0) { $0 + sample($1, index) })
        }
    }

    /// The last rank comes when all others have done everything: they must have done it while they waited for it.
    @Test(arguments: ways, counts) func isDoneWhileAnotherIsLate(way: Way, count: Int) throws {
        for late in [0, 2, 4] {
            let done = Counter()
            let results = try withRanks(5, limits: way.limits, hosts: way.hosts) { communicator -> Bool in
                guard communicator.rank != late else {
                    while done.value < 4 { sched_yield() }
                    return try Self.sum(communicator, count: count, meanwhile: nil)
                }
                let pieces = Pieces(7) { if $0 == 0 { done.increment() } }
                return try Self.sum(communicator, count: count, meanwhile: pieces) && pieces.isEmpty
            }
            #expect(results == Array(repeating: true, count: 5), "late: \(late)")
        }
    }

    /// The pieces end the wait themselves, so most are left to the caller.
    @Test(arguments: ways) func whatIsNotNeededIsLeft(way: Way) throws {
        let reached = Counter()
        let left = try withRanks(5, limits: way.limits, hosts: way.hosts) { communicator -> Int in
            // Rank 4 comes when rank 0 has begun.
            guard communicator.rank == 0 else {
                if communicator.rank == 4 { while reached.value < 1 { sched_yield() } }
                return try Self.sum(communicator, count: 64, meanwhile: nil) ? 0 : -1
            }
            let pieces = Pieces(1_000_000_000) { _ in
                reached.increment()
                sched_yield()
            }
            let isRight = try Self.sum(communicator, count: 64, meanwhile: pieces)
            return isRight ? pieces.left : -1
        }
        #expect((1..<1_000_000_000).contains(left[0]))
    }

    @Test(arguments: ways) func itsErrorComesOutAndKeepsNobodyWaiting(way: Way) throws {
        let results = try withRanks(5, limits: way.limits, hosts: way.hosts) { communicator -> [Bool] in
            let rank = communicator.rank
            let refusing = Counter()
            var values = [Int32(rank)]
            var isRefused = false
            do {
                // Rank 3 has none, and is late.
                let work = Pieces(2) { _ in
                    refusing.increment()
                    throw Refused(rank: rank)
                }
                try values.withUnsafeMutableBufferPointer {
                    try communicator.allReduce($0, .sum, meanwhile: rank == 3 ? nil : work)
                }
            } catch let error as Refused {
                isRefused = error == Refused(rank: rank)
            }
            // Not every rank has to wait; who did has met the error at the first piece.
            let isTold = isRefused == (refusing.value == 1) && refusing.value < 2
            return [isTold, values == [10], try Self.sum(communicator, count: 300, meanwhile: nil)]
        }
        #expect(results == Array(repeating: [true, true, true], count: 5))
    }

    @Test func observersAreToldOfEachPiece() throws {
        final class Notes: CollectiveObserver {
            var lines: [String] = []
            func began(_ collective: String, bytes: Int) { lines.append(collective) }
            func proceeds(by algorithm: String) {}
            func beganSpareWork() { lines.append("spare work") }
            func ended() { lines.append("end") }
        }
        let done = Counter()
        let lines = try withRanks(2) { communicator -> [String] in
            let notes = Notes()
            communicator.observer = notes
            guard communicator.rank == 0 else {
                while done.value < 1 { sched_yield() }
                _ = try Self.sum(communicator, count: 4, meanwhile: nil)
                return []
            }
            _ = try Self.sum(communicator, count: 4, meanwhile: Pieces(2) { if $0 == 0 { done.increment() } })
            return notes.lines
        }
        #expect(lines[0] == ["all-reduce", "spare work", "end", "spare work", "end", "end"])
    }

    @Test func oneRankHasNothingToWaitFor() throws {
        let left = try withRanks(1) { communicator -> Int in
            let pieces = Pieces(3)
            _ = try Self.sum(communicator, count: 4, meanwhile: pieces)
            return pieces.left
        }
        #expect(left == [3])
    }
}
