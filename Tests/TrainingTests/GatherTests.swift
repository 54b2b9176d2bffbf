import Collectives
import Testing
import Torch
import Training

/// Collectives on tensors.
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
                return try values(communicator.gatherRows(own, rows: rows))
            })
        {
            #expect(try result.get() == values(Self.rows(0..<total, type)))
        }
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
