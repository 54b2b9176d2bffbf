import Testing
import Training

/// How a global batch is cut and dealt.
@Suite struct SliceAssignmentTests {
    /// Batches, divisible by the slice size or not, with every slice size and every number of ranks that they allow.
    static let assignments: [SliceAssignment] = [1, 2, 7, 12, 30, 64].flatMap { batch in
        (1...batch).flatMap { size in
            (1...(batch + size - 1) / size).map {
                SliceAssignment(globalBatch: batch, sliceSize: size, worldSize: $0)
            }
        }
    }

    @Test func everySliceIsDealtOnceAndInOrder() {
        for assignment in Self.assignments {
            let dealt = (0..<assignment.worldSize).flatMap { Array(assignment.slices(of: $0)) }
            #expect(dealt == Array(0..<assignment.sliceCount), "\(assignment)")
        }
    }

    @Test func theRanksRowsLaidEndToEndAreTheBatch() {
        for assignment in Self.assignments {
            let rows = (0..<assignment.worldSize).flatMap { Array(assignment.positions(of: $0)) }
            #expect(rows == Array(0..<assignment.globalBatch), "\(assignment)")
            #expect(assignment.shares.reduce(0, +) == assignment.globalBatch, "\(assignment)")
        }
    }

    @Test func aRanksRowsAreThoseOfItsSlices() {
        for assignment in Self.assignments {
            for rank in 0..<assignment.worldSize {
                let rows = assignment.slices(of: rank).flatMap { Array(assignment.positions(ofSlice: $0)) }
                #expect(rows == Array(assignment.positions(of: rank)), "\(assignment), rank \(rank)")
                #expect(assignment.shares[rank] == rows.count, "\(assignment), rank \(rank)")
            }
        }
    }

    @Test func sharesDifferByOneSliceAtMostAndNoneIsEmpty() throws {
        for assignment in Self.assignments {
            let counts = (0..<assignment.worldSize).map { assignment.slices(of: $0).count }
            let (least, most) = try (#require(counts.min()), #require(counts.max()))
            #expect(least >= 1 && most - least <= 1, "\(assignment): \(counts)")
        }
    }

    @Test func onlyTheLastSliceIsShorter() {
        for assignment in Self.assignments {
            let sizes = (0..<assignment.sliceCount).map { assignment.positions(ofSlice: $0).count }
            let rest = assignment.globalBatch % assignment.sliceSize
            #expect(sizes.dropLast().allSatisfy { $0 == assignment.sliceSize }, "\(assignment): \(sizes)")
            #expect(sizes.last == (rest == 0 ? assignment.sliceSize : rest), "\(assignment): \(sizes)")
        }
    }

    @Test func theCutDoesNotDependOnTheRanks() {
        for assignment in Self.assignments {
            let alone = SliceAssignment(
                globalBatch: assignment.globalBatch, sliceSize: assignment.sliceSize, worldSize: 1)
            #expect(assignment.sliceCount == alone.sliceCount)
            for slice in 0..<alone.sliceCount {
                #expect(assignment.positions(ofSlice: slice) == alone.positions(ofSlice: slice), "\(assignment)")
            }
        }
    }
}
