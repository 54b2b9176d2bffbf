import ClusterTestKit
import Collectives
import Foundation
import Randomness
import Testing

/// Sums of multiples of one quantum in fewer bytes than float64.
@Suite struct ExactPackingTests {
    private static let quantum = 0x1p-44
    private static let packing = ExactPacking(quantum: quantum)

    /// The message of some values, and whether it is their own memory.
    private func message(of values: [Double]) -> (bytes: [UInt8], isThemselves: Bool) {
        var space = [UInt8](repeating: 0xA5, count: values.count * 8)
        return values.withUnsafeBytes { values in
            space.withUnsafeMutableBytes { space in
                let message = Self.packing.message(
                    of: values, in: space.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 8)!)
                return (Array(message), message.baseAddress == values.baseAddress)
            }
        }
    }

    /// Takes a message in at an odd address.
    private func take(_ message: [UInt8], into values: inout [Double], adding: Bool) -> Bool {
        ([0] + message).withUnsafeBytes { message in
            values.withUnsafeMutableBytes {
                Self.packing.take(
                    UnsafeRawBufferPointer(rebasing: message[1...]), into: $0.baseAddress!, count: $0.count / 8,
                    adding: adding)
            }
        }
    }

    /// What the format's description says, one byte after the other.
    private func expected(_ multiples: [Int64], width: Int) -> [UInt8] {
        func byte(_ value: Int64, _ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: value >> (8 * Int64(index))) }
        let low = multiples.flatMap { multiple in (0..<4).map { byte(multiple, $0) } }
        let high = multiples.flatMap { multiple in (4..<width).map { byte(multiple, $0) } }
        return low + high + (0..<4).map { byte(Int64(multiples.count), $0) } + [UInt8(width), 0, 0]
    }

    @Test(arguments: [(31, 4), (39, 5), (47, 6)])
    func aMessageHoldsEveryValueInAsFewBytesAsTheLargestNeeds(bits: Int, width: Int) throws {
        var random = Philox(seed: 3, path: [UInt64(bits)])
        for count in [4, 5, 7, 8, 31, 64, 1000, 4097] {
            // The extremes in turns; the others of all magnitudes.
            for extreme in [(1 << bits) - 1, -(1 << bits)] as [Int64] {
                var multiples = (0..<count).map { _ in
                    Int64(bitPattern: random.next()) >> Int64(64 - bits + Int(random.next() % 32))
                }
                multiples[Int(random.next() % UInt64(count))] = extreme
                let values = multiples.map { Double($0) * Self.quantum }
                let message = message(of: values)
                guard count * width + 7 < count * 8 else {
                    #expect(message.isThemselves)
                    continue
                }
                #expect(message.bytes == expected(multiples, width: width), "seed 3, \(bits) bits, \(count) values")
                var taken = [Double](repeating: .nan, count: count)
                #expect(take(message.bytes, into: &taken, adding: false))
                #expect(taken == values)
                var sums = (0..<count).map { Double($0 - 40) * Self.quantum * 0x1p20 }
                let before = sums
                #expect(take(message.bytes, into: &sums, adding: true))
                #expect(sums == zip(before, values).map(+))
            }
        }
    }

    @Test func whatDoesNotFitTravelsAsItIs() throws {
        let others = [
            0x1p-45, 1 / 3, .infinity, -.infinity, .nan, 0x1p47 * Self.quantum, -0x1p48 * Self.quantum,
            0x1p51 * Self.quantum, -0x1p52 * Self.quantum, 0x1p53 * Self.quantum, -0x1.8p52 * Self.quantum,
            .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0,
        ]
        for other in others {
            for place in [0, 17, 39] {
                var values = (0..<40).map { Double($0) * 0x1p-20 }
                values[place] = other
                let message = message(of: values)
                #expect(message.isThemselves, "\(other)")
                var taken = [Double](repeating: 0, count: 40)
                #expect(take(message.bytes, into: &taken, adding: false))
                #expect(taken.map(\.bitPattern) == values.map(\.bitPattern), "\(other)")
            }
        }
        #expect(message(of: []).bytes.isEmpty)
    }

    /// Also those whose length would be right for another width.
    @Test func messagesOfAnotherNumberOfValuesAreRefused() throws {
        for sent in 4...64 {
            let small = message(of: (0..<sent).map { Double($0) * Self.quantum }).bytes
            let large = message(of: (0..<sent).map { Double($0) * 0x1p-6 }).bytes
            let none = message(of: (0..<sent).map { Double($0) / 3 }).bytes
            #expect(small.count <= large.count && large.count <= none.count)
            for count in 1...80 where count != sent {
                for message in [small, large, none] {
                    var values = [Double](repeating: 5, count: count)
                    #expect(!take(message, into: &values, adding: true), "\(sent) values taken for \(count)")
                    #expect(values == Array(repeating: 5, count: count))
                }
            }
        }
        var values = [1.0]
        #expect(!take([], into: &values, adding: false))
        #expect(!take([UInt8](repeating: 0, count: 7), into: &values, adding: false))
    }

    // MARK: Over ranks

    /// A multiple of the quantum: small ones, and in places large ones; with `odd`, here and there something else.
    @Sendable private static func value(_ rank: Int, _ index: Int, odd: Bool) -> Double {
        let value = Double(sample(rank, index)) * quantum * (index % 700 < 90 ? 0x1p30 : 0x1p9)
        return odd && index % 4001 == 17 * rank ? value + 0x1p-50 : value
    }

    private func check(
        ranks: Int, count: Int, odd: Bool, limits: CollectiveLimits = ringOnly, hosts: [Int]? = nil
    ) throws {
        let wrong = try withRanks(ranks, limits: limits, hosts: hosts) { communicator in
            var values = (0..<count).map { Self.value(communicator.rank, $0, odd: odd) }
            for _ in 0..<2 {
                try values.withUnsafeMutableBufferPointer {
                    try communicator.allReduceSum($0, multiplesOf: Self.quantum)
                }
            }
            return values.indices.first { index in
                // Twice: the second time all ranks have the sum.
                let sum = (0..<ranks).reduce(0) { $0 + Self.value($1, index, odd: odd) }
                return values[index].bitPattern != (sum * Double(ranks)).bitPattern
            }
        }
        #expect(wrong.allSatisfy { $0 == nil }, "\(ranks) ranks, \(count) values, odd \(odd): \(wrong)")
    }

    @Test(arguments: rankCounts + [32], [0, 1, 3, 4, 100, 1000, 10007])
    func allReducesAreExact(ranks: Int, count: Int) throws {
        for odd in [false, true] { try check(ranks: ranks, count: count, odd: odd) }
        try check(ranks: ranks, count: count, odd: false, limits: CollectiveLimits())
    }

    @Test func allReducesOfManyChunksAreExact() throws {
        try check(
            ranks: 3, count: 1_000_000, odd: true,
            limits: CollectiveLimits(chunkBytes: 64 << 10, minimumChunkBytes: 64 << 10, smallBytes: 0))
    }

    @Test(arguments: HierarchicalTests.layouts) func allReducesAcrossHostsAreExact(hosts: [Int]) throws {
        for count in [100, 10007, 60_000] { try check(ranks: hosts.count, count: count, odd: false, hosts: hosts) }
    }

    @Test func aRankWithAnotherNumberOfValuesIsNoticed() throws {
        let results = InMemoryNetwork(size: 2).run(hosts: nil, limits: ringOnly) { communicator, _ in
            var values = [Double](repeating: 1, count: communicator.rank == 0 ? 40 : 64)
            try values.withUnsafeMutableBufferPointer {
                try communicator.allReduceSum($0, multiplesOf: Self.quantum)
            }
        }
        #expect(results.allSatisfy { (try? $0.get()) == nil })
    }

    /// Counts what is sent.
    private final class CountingLink: Link {
        private let link: any Link
        private(set) var bytes = 0

        init(_ link: any Link) { self.link = link }

        var rank: Int { link.rank }
        var size: Int { link.size }

        func send(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws {
            self.bytes += bytes.count
            try link.send(bytes, to: peer)
        }

        func receive(from peer: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
            try link.receive(from: peer, body)
        }

        func hasArrived(from peer: Int) throws -> Bool { try link.hasArrived(from: peer) }
        func flush() throws { try link.flush() }
        func cancel() { link.cancel() }
    }

    @Test func valuesOfFiveBytesTakeFiveEighthsOnTheirWay() throws {
        let sent = try InMemoryNetwork(size: 3).run { link in
            let counting = CountingLink(link)
            let communicator = Communicator(
                link: counting, limits: CollectiveLimits(chunkBytes: 32 << 10, minimumChunkBytes: 32 << 10))
            var values = (0..<96_000).map { Double(sample(link.rank, $0)) * Self.quantum * 0x1p25 }
            try values.withUnsafeMutableBufferPointer {
                try communicator.allReduceSum($0, multiplesOf: Self.quantum)
            }
            return counting.bytes
        }.map { try $0.get() }
        let messages = 4 * ((32_000 * 8 + (32 << 10) - 1) / (32 << 10))
        #expect(sent == Array(repeating: 4 * 32_000 * 5 + messages * 7, count: 3))
    }
}
