import ClusterTestKit
import Collectives
import Foundation
import Randomness
import Testing

/// Sums of multiples of one quantum in fewer bytes than float64.
@Suite struct ExactPackingTests {
    private static let quantum = 0x1p-44
    private static let packing = ExactPacking(quantum: quantum)

    private enum Content {
        case addends, results
    }

    /// The message of some values, and whether it is their own memory.
    private func message(of values: [Double], _ content: Content = .addends) -> (bytes: [UInt8], isThemselves: Bool) {
        var space = [UInt8](repeating: 0xA5, count: values.count * 8)
        return values.withUnsafeBytes { values in
            space.withUnsafeMutableBytes { space in
                let start = space.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 8)!
                let message =
                    switch content {
                    case .addends: Self.packing.message(ofAddends: values, in: start)
                    case .results: ExactPacking.message(ofResults: values, in: start)
                    }
                return (Array(message), message.baseAddress == values.baseAddress)
            }
        }
    }

    /// Takes a message in at an odd address: adds addends, stores results.
    private func take(_ message: [UInt8], into values: inout [Double], _ content: Content = .addends) -> Bool {
        ([0] + message).withUnsafeBytes { message in
            values.withUnsafeMutableBytes { values in
                let message = UnsafeRawBufferPointer(rebasing: message[1...])
                return switch content {
                case .addends: Self.packing.add(message, into: values.baseAddress!, count: values.count / 8)
                case .results: ExactPacking.store(message, into: values.baseAddress!, count: values.count / 8)
                }
            }
        }
    }

    private func byte(_ value: Int64, _ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: value >> (8 * Int64(index))) }

    /// What the format's description says, one byte after the other.
    private func expected(_ multiples: [Int64], width: Int) -> [UInt8] {
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
                var sums = (0..<count).map { Double($0 - 40) * Self.quantum * 0x1p20 }
                let before = sums
                #expect(take(message.bytes, into: &sums))
                #expect(sums == zip(before, values).map(+))
            }
        }
    }

    /// Whatever a sum can be, as the processor's own conversion rounds it.
    @Test func resultsTravelInFloat32() throws {
        var random = Philox(seed: 4, path: [])
        let special = [
            0, -0.0, .infinity, -.infinity, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-52, 1 + 0x1.8p-23, 0x1.ffffffp127, 0x1p-149,
            0x1p-150, -0x1.8p-149, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .nan,
        ]
        for count in [2, 3, 8, 31, 64, 1000, 4097] {
            var values = (0..<count).map { index in
                index < special.count
                    ? special[index] : Double(Int64(bitPattern: random.next()) >> 12) * Self.quantum * 0x1p-20
            }
            let floats = values.map(Float.init)
            values.withUnsafeMutableBytes { ExactPacking.round($0.baseAddress!, count: count) }
            let rounded = values.map(\.bitPattern)
            #expect(rounded == floats.map { Double($0).bitPattern }, "seed 4, \(count) values")
            let message = message(of: values, .results).bytes
            #expect(
                message == floats.flatMap { float in (0..<4).map { byte(Int64(float.bitPattern), $0) } }
                    + (0..<4).map { byte(Int64(count), $0) } + [4, 1, 0])
            var taken = [Double](repeating: 7, count: count)
            #expect(take(message, into: &taken, .results))
            #expect(taken.map(\.bitPattern) == rounded)
        }
        // Shorter than what would say how many there are.
        #expect(message(of: [0.5], .results).isThemselves)
        var taken = [7.0]
        #expect(take(message(of: [0.5], .results).bytes, into: &taken, .results) && taken == [0.5])
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
                // The one number that a negative zero leaves as it is.
                var taken = [Double](repeating: -0.0, count: 40)
                #expect(take(message.bytes, into: &taken))
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
            let results = message(of: (0..<sent).map { Double($0) }, .results).bytes
            #expect(small.count <= large.count && large.count <= none.count)
            for count in 1...80 where count != sent {
                for (message, content) in [(small, .addends), (large, .addends), (none, .addends), (results, .results)]
                    as [([UInt8], Content)]
                {
                    var values = [Double](repeating: 5, count: count)
                    #expect(!take(message, into: &values, content), "\(sent) values taken for \(count)")
                    #expect(values == Array(repeating: 5, count: count))
                }
            }
            // The one is not taken for the other, though they are of one length.
            var values = [Double](repeating: 5, count: sent)
            #expect(small.count == results.count)
            #expect(!take(small, into: &values, .results) && !take(results, into: &values))
            #expect(values == Array(repeating: 5, count: sent))
        }
        for content in [.addends, .results] as [Content] {
            var values = [1.0]
            #expect(!take([], into: &values, content))
            #expect(!take([UInt8](repeating: 0, count: 7), into: &values, content))
        }
    }

    // MARK: Over ranks

    /// A multiple of the quantum, of more bits than float32 has: small ones, and in places large ones; with `odd`, here and
    /// there something else.
    @Sendable private static func value(_ rank: Int, _ index: Int, odd: Bool) -> Double {
        let value =
            (Double(sample(rank, index)) * (index % 700 < 90 ? 0x1p30 : 0x1p20) + Double(index % 1000)) * quantum
        return odd && index % 4001 == 17 * rank ? value + 0x1p-50 : value
    }

    private func check(
        ranks: Int, count: Int, odd: Bool, limits: CollectiveLimits = ringOnly, hosts: [Int]? = nil
    ) throws {
        let all = try withRanks(ranks, limits: limits, hosts: hosts) { communicator in
            var values = (0..<count).map { Self.value(communicator.rank, $0, odd: odd) }
            // Twice: the second time all ranks have the sum.
            return try (0..<2).map { _ in
                try values.withUnsafeMutableBufferPointer {
                    try communicator.allReduceSum($0, multiplesOf: Self.quantum, roundedTo: Float.self)
                }
                return values
            }
        }
        let what = "\(ranks) ranks, \(count) values, odd \(odd)"
        for results in all {
            #expect(zip(results, all[0]).allSatisfy { $0.map(\.bitPattern) == $1.map(\.bitPattern) }, "\(what)")
        }
        let wrong = (0..<count).first { index in
            let sum = (0..<ranks).reduce(0) { $0 + Self.value($1, index, odd: odd) }
            let (once, twice) = (all[0][0][index], all[0][1][index])
            return Float(once).bitPattern != Float(sum).bitPattern
                || Float(twice).bitPattern != Float(once * Double(ranks)).bitPattern
        }
        #expect(wrong == nil, "\(what)")
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
                try communicator.allReduceSum($0, multiplesOf: Self.quantum, roundedTo: Float.self)
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

    /// What each of some ranks sends for so many values of five bytes.
    private func sent(_ count: Int, ranks: Int, _ limits: CollectiveLimits) throws -> [Int] {
        try InMemoryNetwork(size: ranks).run { link in
            let counting = CountingLink(link)
            var values = (0..<count).map { Double(sample(link.rank, $0)) * Self.quantum * 0x1p25 }
            try values.withUnsafeMutableBufferPointer {
                try Communicator(link: counting, limits: limits)
                    .allReduceSum($0, multiplesOf: Self.quantum, roundedTo: Float.self)
            }
            return counting.bytes
        }.map { try $0.get() }
    }

    @Test func valuesOfFiveBytesTravelInFiveAndTheirSumsInFour() throws {
        let limits = CollectiveLimits(chunkBytes: 32 << 10, minimumChunkBytes: 32 << 10)
        let messages = 4 * ((32_000 * 8 + (32 << 10) - 1) / (32 << 10))
        #expect(
            try sent(96_000, ranks: 3, limits) == Array(repeating: 2 * 32_000 * (5 + 4) + messages * 7, count: 3))
    }

    /// Where others go by recursive doubling, which sends them as they are.
    @Test func theyGoRoundARingFromSizesOfTheirOwnOn() throws {
        var limits = CollectiveLimits(smallBytes: 64 << 10, smallPackedBytes: 16 << 10)
        #expect(try sent(2048, ranks: 2, limits) == [2048 * 8, 2048 * 8])
        #expect(try sent(2064, ranks: 2, limits) == Array(repeating: 1032 * (5 + 4) + 2 * 7, count: 2))
        limits.smallPackedBytes = 64 << 10
        #expect(try sent(2064, ranks: 2, limits) == [2064 * 8, 2064 * 8])
    }
}
