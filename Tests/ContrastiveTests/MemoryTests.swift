import Contrastive
import Randomness
import Testing
import Torch

@Suite struct EmbeddingQueueTests {
    /// Rows whose first number tells them apart after normalisation.
    static func keys(_ numbers: Range<Int>) throws -> Tensor {
        try Tensor(numbers.flatMap { [Double($0) + 1, 10] }, shape: [numbers.count, 2])
    }

    static func content(_ queue: EmbeddingQueue) throws -> [Double] {
        let rows = try values(queue.rows)
        return (0..<queue.size).map { row in
            let ratio: Double = rows[2 * row] / rows[2 * row + 1]
            return (ratio * 10 - 1).rounded()
        }
    }

    /// Against a plain array of the last K, over sizes that are no multiples of each other, and more than K at once.
    @Test(arguments: [1, 3, 4, 5, 7, 12], [1, 3, 4, 9, 30])
    func itHoldsTheLastRowsInRingOrder(size: Int, batch: Int) throws {
        let queue = try EmbeddingQueue(size: size, dimension: 2, seed: 3)
        var ring = [Double](repeating: -1, count: size)
        var count = 0
        #expect(try !queue.isFull)
        for step in 0..<6 {
            let numbers = step * batch..<(step + 1) * batch
            try queue.enqueue(Self.keys(numbers))
            for number in numbers {
                ring[count % size] = Double(number)
                count += 1
            }
            let rows = try Self.content(queue)
            #expect((0..<min(count, size)).allSatisfy { rows[$0] == ring[$0] }, "\(rows), expected \(ring)")
            #expect(try queue.isFull == (count >= size))
        }
    }

    @Test func rowsHaveUnitLengthFromTheBeginning() throws {
        let queue = try EmbeddingQueue(size: 5, dimension: 8, seed: 3)
        let other = try EmbeddingQueue(size: 5, dimension: 8, seed: 4)
        #expect(try values(queue.rows.norm(dims: [1])).allSatisfy { abs($0 - 1) < 1e-6 })
        #expect(try values(queue.rows) != values(other.rows))
        try queue.enqueue(noise([3, 8], 1, scale: 40))
        #expect(try values(queue.rows.norm(dims: [1])).allSatisfy { abs($0 - 1) < 1e-6 })
    }

    @Test func keysOfAnotherWidthAreRefused() throws {
        let queue = try EmbeddingQueue(size: 5, dimension: 8, seed: 3)
        #expect(throws: ContrastiveError.self) { try queue.enqueue(noise([3, 7], 1)) }
        #expect(throws: ContrastiveError.self) { try EmbeddingQueue(size: 0, dimension: 8, seed: 3) }
    }
}

@Suite struct FeatureBankTests {
    @Test func rowsAreThoseOfTheirImages() throws {
        let bank = try FeatureBank(images: 6, dimension: 3)
        #expect(try bank.known.isEmpty)
        let rows = try noise([2, 3], 1)
        try bank.write(rows, of: [4, 1])
        #expect(try bank.known == [1, 4])
        let expected = try rows.l2Normalized(dim: 1)
        #expect(try relativeError(bank.rows.selected(dim: 0, index: 4), expected.selected(dim: 0, index: 0)) < 1e-6)
        #expect(try relativeError(bank.rows.selected(dim: 0, index: 1), expected.selected(dim: 0, index: 1)) < 1e-6)
        #expect(try bank.rows.selected(dim: 0, index: 0).norm().item() == 0)
    }

    @Test func rowsFollowWithMomentum() throws {
        let bank = try FeatureBank(images: 2, dimension: 2)
        try bank.write(Tensor([1.0, 0], shape: [1, 2]), of: [0], momentum: 0.75)
        #expect(try values(bank.rows.selected(dim: 0, index: 0)) == [1, 0])
        try bank.write(Tensor([0.0, 5], shape: [1, 2]), of: [0], momentum: 0.75)
        let row = try values(bank.rows.selected(dim: 0, index: 0))
        #expect(relativeError(row, [3 / 10.0.squareRoot(), 1 / 10.0.squareRoot()]) < 1e-6)
    }

    @Test func drawsAreOfKnownRowsAndAFunctionOfSeedAndStep() throws {
        let bank = try FeatureBank(images: 50, dimension: 2)
        #expect(throws: ContrastiveError.self) { try bank.draw(3, seed: 1, step: 0) }
        try bank.write(Tensor([1.0, 2, 3, 1], shape: [2, 2]), of: [7, 9])
        let drawn = try values(bank.draw(40, seed: 1, step: 5))
        #expect(try drawn == values(bank.draw(40, seed: 1, step: 5)))
        #expect(try drawn != values(bank.draw(40, seed: 1, step: 6)))
        #expect(try drawn != values(bank.draw(40, seed: 2, step: 5)))
        #expect((0..<40).allSatisfy { drawn[2 * $0] > 0.4 })
        #expect(Set(drawn).count == 4)
    }
}
