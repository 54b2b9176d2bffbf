import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct AllReduceTests {
    /// All-reduces known values on all ranks and compares with what they sum up to.
    private func check<T: TestElement>(
        _: T.Type, ranks: Int, count: Int, _ operation: ReductionOperation, limits: CollectiveLimits
    ) throws {
        let wrong = try withRanks(ranks, limits: limits) { communicator in
            var values = (0..<count).map { T(small: sample(communicator.rank, $0) % T.bound) }
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, operation) }
            return values.indices.first { index in
                let inputs = (0..<ranks).lazy.map { sample($0, index) % T.bound }
                return values[index] != T(small: operation == .sum ? inputs.reduce(0, +) : inputs.max() ?? 0)
            }
        }
        #expect(wrong.allSatisfy { $0 == nil }, "\(T.self) \(operation), \(ranks) ranks, \(count) elements: \(wrong)")
    }

    private func checkAllTypes(ranks: Int, count: Int, limits: CollectiveLimits) throws {
        for operation in ReductionOperation.allCases {
            try check(Float.self, ranks: ranks, count: count, operation, limits: limits)
            try check(Double.self, ranks: ranks, count: count, operation, limits: limits)
            try check(Int32.self, ranks: ranks, count: count, operation, limits: limits)
            try check(Int64.self, ranks: ranks, count: count, operation, limits: limits)
            try check(Float16.self, ranks: ranks, count: count, operation, limits: limits)
            try check(BFloat16.self, ranks: ranks, count: count, operation, limits: limits)
        }
    }

    @Test(arguments: rankCounts, [0, 1, 3, 4, 100, 1000, 10007])
    func everyTypeAndOperationIsExact(ranks: Int, count: Int) throws {
        try checkAllTypes(ranks: ranks, count: count, limits: CollectiveLimits())
    }

    @Test(arguments: rankCounts, [1, 3, 100, 1000, 10007])
    func theRingIsExactAlsoForSmallBuffersInManyChunks(ranks: Int, count: Int) throws {
        try checkAllTypes(ranks: ranks, count: count, limits: ringOnly)
    }

    @Test(arguments: rankCounts)
    func recursiveDoublingIsExactAlsoForLargeBuffers(ranks: Int) throws {
        try checkAllTypes(ranks: ranks, count: 10007, limits: CollectiveLimits(smallBytes: 1 << 20))
    }

    @Test(arguments: rankCounts)
    func theTreeIsExactWhereItIsChosen(ranks: Int) throws {
        try checkAllTypes(ranks: ranks, count: 1000, limits: CollectiveLimits(small: .tree))
    }

    @Test(arguments: rankCounts)
    func aMillionElementsAreExact(ranks: Int) throws {
        try check(Float.self, ranks: ranks, count: 1_000_000, .sum, limits: CollectiveLimits())
        try check(Int64.self, ranks: ranks, count: 1_000_000, .max, limits: CollectiveLimits(chunkBytes: 64 << 10))
    }

    @Test(arguments: rankCounts, [1, 77, 1000, 50_000])
    func allRanksHaveTheSameBits(ranks: Int, count: Int) throws {
        for limits in [CollectiveLimits(), CollectiveLimits(smallBytes: 1 << 20), ringOnly] {
            let digests = try withRanks(ranks, limits: limits) { communicator in
                // Seed 11. Magnitudes far apart, so that every order of summation rounds differently.
                var random = Philox(seed: 11, path: [UInt64(communicator.rank)])
                var values = (0..<count).map { index in
                    Float(random.normal()) * (index % 3 == 0 ? 1e-6 : index % 3 == 1 ? 1 : 1e6)
                }
                try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
                return digest(values)
            }
            #expect(Set(digests).count == 1, "seed 11, \(ranks) ranks, \(count) elements, \(limits)")
        }
    }

    @Test(arguments: [2, 3, 4, 7, 8])
    func notANumberAndZerosHaveTheSameBitsOnAllRanks(ranks: Int) throws {
        for operation in ReductionOperation.allCases {
            let oneHost = Array(repeating: 0, count: ranks)
            for (limits, hosts) in [(CollectiveLimits(), nil), (ringOnly, nil), (CollectiveLimits(), oneHost)] {
                let digests = try withRanks(ranks, limits: limits, hosts: hosts) { communicator in
                    // Each rank brings NaNs of another payload, infinities and zeros of both signs.
                    var values = (0..<256).map { index -> Double in
                        switch (index + communicator.rank * (index / 16)) % 6 {
                        case 0: Double(nan: UInt64(communicator.rank + 1), signaling: false)
                        case 1: .infinity
                        case 2: -.infinity
                        case 3: 0
                        case 4: -0.0
                        default: Double(index)
                        }
                    }
                    try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, operation) }
                    return digest(values)
                }
                #expect(Set(digests).count == 1, "\(operation), \(ranks) ranks")
            }
        }
    }

    @Test func sumsOfIntegersWrap() throws {
        let sums = try withRanks(2) { communicator in
            var values = [Int32.max, Int32.min]
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
            return values
        }
        #expect(sums == [[-2, 0], [-2, 0]])
    }

    @Test func theMaximumOfNotANumberIsNotANumber() throws {
        let maxima = try withRanks(2) { communicator in
            var values: [Float] = communicator.rank == 0 ? [.nan, 1, -0.0, 2] : [1, .nan, 0, 3]
            try values.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .max) }
            return values.map(\.bits)
        }
        let quiet = Float.nan.bits
        #expect(maxima.allSatisfy { $0 == [quiet, quiet, 0, Float(3).bits] })
    }
}
