import Collectives
import Testing
import Torch
import Training

/// Collectives on tensors, and the gather that gradients go back through.
@Suite struct GatherTests {
    /// Rows of each rank; a rank may have none.
    static let deals = [[3], [2, 3], [0, 4, 1], [2, 0, 0, 3], [0, 0, 1, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8]]

    /// A whole number for each row and column, so that sums are exact.
    static func element(_ row: Int, _ column: Int) -> Double { Double((row * 7 + column * 3) % 11 - 5) }

    static func rows(_ range: Range<Int>, _ type: ScalarType) throws -> Tensor {
        try Tensor(range.flatMap { row in (0..<4).map { element(row, $0) } }, shape: [range.count, 4])
            .converted(to: type)
    }

    static func range(of rank: Int, in rows: [Int]) -> Range<Int> {
        let start = rows[..<rank].reduce(0, +)
        return start..<start + rows[rank]
    }

    @Test(arguments: deals, [ScalarType.float32, .float64])
    func theRanksRowsComeInRankOrder(rows: [Int], type: ScalarType) throws {
        let total = rows.reduce(0, +)
        for result in onRanks(
            rows.count, limits: ringOnly,
            { communicator in
                let own = try Self.rows(Self.range(of: communicator.rank, in: rows), type)
                return try values(communicator.gatherRowsWithGradient(own, rows: rows))
            })
        {
            #expect(try result.get() == values(Self.rows(0..<total, type)))
        }
    }

    /// Rank r weighs element (i, j) of the gathered rows by (r + 1)·(i + 1) + j. The gradient of a row is the sum over
    /// all ranks, not the mean and not that of its own rank alone.
    @Test(arguments: deals, [ScalarType.float32, .float64])
    func theGradientIsTheSumOverRanksWhateverEachLossWeighs(rows: [Int], type: ScalarType) throws {
        let total = rows.reduce(0, +)
        let results = onRanks(rows.count, limits: ringOnly) { communicator in
            let rank = communicator.rank
            let own = try Self.rows(Self.range(of: rank, in: rows), type)
            try own.setRequiresGradient(true)
            let weights = (0..<total).flatMap { row in (0..<4).map { Double((rank + 1) * (row + 1) + $0) } }
            let gathered = try communicator.gatherRowsWithGradient(own, rows: rows)
            try (gathered * Tensor(weights, shape: [total, 4]).converted(to: type)).sum().backward()
            let gradient = try #require(own.gradient)
            #expect(gradient.shape == [rows[rank], 4] && gradient.scalarType == type)
            return try values(gradient)
        }
        let ranks = rows.count
        for (rank, result) in results.enumerated() {
            let expected = Self.range(of: rank, in: rows).flatMap { row in
                (0..<4).map { Double(ranks * (ranks + 1) / 2 * (row + 1) + ranks * $0) }
            }
            #expect(try result.get() == expected, "rank \(rank) of \(rows)")
        }
    }

    @Test func aRankWhoseLossWeighsNothingStillHandsOnTheOthersGradient() throws {
        let rows = [2, 1]
        let results = onRanks(2) { communicator in
            let own = try Self.rows(Self.range(of: communicator.rank, in: rows), .float64)
            try own.setRequiresGradient(true)
            let gathered = try communicator.gatherRowsWithGradient(own, rows: rows)
            try (gathered.sum() * Double(communicator.rank)).backward()
            return try values(#require(own.gradient))
        }
        #expect(try results.map { try $0.get() } == [Array(repeating: 1, count: 8), Array(repeating: 1, count: 4)])
    }

    @Test func typesWithoutASumAreRefused() throws {
        for result in onRanks(2, { try $0.allReduceSum(Tensor([1, 2] as [Int64], shape: [2])) }) {
            #expect(throws: (any Error).self) { try result.get() }
        }
    }

    @Test(arguments: [2, 3])
    func aBroadcastIsBitForBitWhateverTheType(ranks: Int) throws {
        let results = onRanks(ranks) { communicator in
            let own = communicator.rank == 1
            let integers = try Tensor(own ? [7, -1] as [Int64] : [0, 0], shape: [2])
            let floats = try Tensor(own ? [-0.0, .infinity, .nan] as [Float] : [1, 2, 3], shape: [3])
            try communicator.broadcast(integers, from: 1)
            try communicator.broadcast(floats, from: 1)
            return (try integers.int64s(), try floats.floats().map(\.bitPattern))
        }
        for result in results {
            let (integers, bits) = try result.get()
            #expect(integers == [7, -1])
            #expect(bits == ([-0.0, .infinity, .nan] as [Float]).map(\.bitPattern))
        }
    }
}
