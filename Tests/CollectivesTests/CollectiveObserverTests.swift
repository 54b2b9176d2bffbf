import ClusterTestKit
import Collectives
import Testing

/// Writes down what it is told.
private final class Notes: CollectiveObserver {
    var lines: [String] = []

    func began(_ collective: String, bytes: Int) { lines.append("\(collective) of \(bytes)") }
    func proceeds(by algorithm: String) { lines.append(algorithm) }
    func beganSpareWork() { lines.append("spare work") }
    func ended() { lines.append("end") }
}

@Suite("Collective observers")
struct CollectiveObserverTests {
    @Sendable private static func everyCollective(_ communicator: Communicator) throws -> [String] {
        let notes = Notes()
        communicator.observer = notes
        var values = [Float](repeating: 1, count: 512)
        var all = [Float](repeating: 0, count: 3)
        try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
        try all.withUnsafeMutableBufferPointer { all in
            try values.withUnsafeBufferPointer {
                try communicator.allGather(UnsafeBufferPointer(rebasing: $0[..<1]), counts: [1, 1, 1], into: all)
            }
            try communicator.reduceScatter(all, counts: [1, 1, 1], .sum)
            try communicator.broadcast(all, root: 1)
        }
        try communicator.barrier()
        return notes.lines
    }

    @Test func areToldOfEveryCollectiveAndHowItIsDone() throws {
        let expected = [
            "all-reduce of 2048", "recursive doubling", "end", "all-gather of 12", "ring", "end",
            "reduce-scatter of 12", "ring", "end", "broadcast of 12", "binomial tree", "end", "barrier of 0",
            "dissemination", "end",
        ]
        #expect(try withRanks(3, Self.everyCollective) == [expected, expected, expected])
        let large = try withRanks(3, limits: ringOnly, Self.everyCollective)
        #expect(large.allSatisfy { $0[1] == "ring" && $0[10] == "chain" }, "\(large)")
        let few = try withRanks(3, limits: CollectiveLimits(small: .tree), Self.everyCollective)
        #expect(few.allSatisfy { $0[1] == "binomial tree" && $0[10] == "binomial tree" }, "\(few)")
    }

    @Test func areToldThatMemoryIsShared() throws {
        for lines in try withRanks(3, hosts: [0, 0, 0], Self.everyCollective) {
            #expect(lines.count == 15 && stride(from: 1, to: 15, by: 3).allSatisfy { lines[$0] == "shared memory" })
        }
    }

    @Test func areToldTheEndAlsoOfWhatThrows() throws {
        let lines = try withRanks(2) { communicator -> [String] in
            let notes = Notes()
            communicator.observer = notes
            var values: [Float] = [1]
            let failed = #expect(throws: CollectiveError.self) {
                try values.withUnsafeMutableBufferPointer { try communicator.broadcast($0, root: 7) }
            }
            _ = failed
            return notes.lines
        }
        #expect(lines == [["broadcast of 4", "end"], ["broadcast of 4", "end"]])
    }
}
