import ClusterTestKit
import Collectives
import Randomness
import Testing

/// What a buffer holds of numbers that floats have trouble with: from 1e-30 to 1e30, zeros, denormals, the largest floats.
private func extremes(rank: Int, count: Int) -> [Float] {
    var random = Philox(seed: 21, path: [UInt64(rank)])
    return (0..<count).map { index in
        let normal = Float(random.normal())
        switch index / 1024 {
        case 0: return normal * 1e-30
        case 1: return normal * 1e30
        case 2: return [0, -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude][index % 4]
        case 3: return normal * (index % 3 == 0 ? 1e30 : index % 3 == 1 ? 1e-30 : 1)
        case 4: return index % 2 == 0 ? .greatestFiniteMagnitude : -.greatestFiniteMagnitude
        default: return normal
        }
    }
}

@Suite struct OrderFreeAllReduceTests {
    /// Each rank's addends of several steps, by all-reduce.
    ///
    /// - Parameter hosts: by rank: its host, for ranks that share memory; their buffers lie in it.
    private func reduce(
        _ steps: [[[Float]]], from scales: FixedPointScales, limits: CollectiveLimits = CollectiveLimits(),
        hosts: [Int]? = nil
    ) throws -> [OrderFreeRun] {
        try InMemoryNetwork(size: steps[0].count).run(hosts: hosts, limits: limits) { communicator, arena in
            var run = OrderFreeRun(scales: scales)
            for step in steps {
                var own = step[communicator.rank]
                try own.withUnsafeMutableBufferPointer { own in
                    guard let arena else { return try communicator.allReduceOrderFree(own, scales: &run.scales) }
                    let block = try arena.allocate(bytes: own.count * 4)
                    let buffer = block.memory.bindMemory(to: Float.self)
                    _ = buffer.update(fromContentsOf: own)
                    try communicator.allReduceOrderFree(buffer, scales: &run.scales)
                    _ = own.update(fromContentsOf: buffer)
                }
                run.sums.append(own)
            }
            return run
        }.map { try $0.get() }
    }

    /// The same by the kernel for shared memory, the blocks dealt among the ranks.
    private func reduceShared(_ steps: [[[Float]]], from scales: FixedPointScales) -> OrderFreeRun {
        var run = OrderFreeRun(scales: scales)
        for step in steps {
            let buffers = step.map { addend in
                let buffer = UnsafeMutablePointer<Float>.allocate(capacity: max(1, addend.count))
                buffer.initialize(from: addend, count: addend.count)
                return buffer
            }
            defer {
                for buffer in buffers { buffer.deallocate() }
            }
            let blocks = scales.exponents.count
            var magnitudes = [Int32](repeating: -1, count: blocks)
            magnitudes.withUnsafeMutableBufferPointer { magnitudes in
                for rank in step.indices.reversed() {
                    let share = blocks * rank / step.count..<blocks * (rank + 1) / step.count
                    run.scales.sumShared(buffers, blocks: share, magnitudes: magnitudes)
                }
            }
            run.scales.advance(past: magnitudes)
            let results = buffers.map { Array(UnsafeBufferPointer(start: $0, count: scales.count)) }
            #expect(Set(results.map(digest)).count == 1, "every rank's buffer has the result")
            run.sums.append(results[0])
        }
        return run
    }

    @Test(arguments: 1...9, [0, 1, 3, 4, 100, 1000, 1023, 1024, 1025, 10007])
    func allWaysGiveTheSameBits(ranks: Int, count: Int) throws {
        let seed = UInt64(ranks * 100_000 + count)
        let steps = [1, 1, 1e6, 1e-3].enumerated().map { step, scale in
            unevenAddends(seed: seed &+ UInt64(step), addends: ranks, count: count, scale: scale)
        }
        let scales = FixedPointScales(count: count, addends: ranks)
        var expected = try accumulateAlone(steps, from: scales)
        expected.overflows = []
        for limits in [CollectiveLimits(smallBytes: 1 << 20), ringOnly] {
            let runs = try reduce(steps, from: scales, limits: limits)
            #expect(runs.allSatisfy { $0 == expected }, "seed \(seed), \(ranks) ranks, \(count) elements, \(limits)")
        }
        #expect(reduceShared(steps, from: scales) == expected, "seed \(seed), \(ranks) ranks, \(count) elements")
        for hosts in [Array(repeating: 0, count: ranks), (0..<ranks).map { $0 / 2 }] {
            let runs = try reduce(steps, from: scales, hosts: hosts)
            #expect(runs.allSatisfy { $0 == expected }, "seed \(seed), hosts \(hosts), \(count) elements")
        }
        // Another order of the ranks.
        let rotated = steps.map { Array($0[1...] + $0[..<1]) }
        #expect(try reduce(rotated, from: scales, limits: ringOnly)[0] == expected, "seed \(seed)")
        #expect(reduceShared(rotated, from: scales) == expected, "seed \(seed)")
    }

    @Test(arguments: [1, 2, 5])
    func extremesOfFloatAreSummedAndNeverWrap(ranks: Int) throws {
        let count = 6 * 1024
        let step = (0..<ranks).map { extremes(rank: $0, count: count) }
        let runs = try reduce([step], from: FixedPointScales(count: count, addends: 8), limits: ringOnly)
        let sums = runs[0].sums[0]
        #expect(
            runs.allSatisfy { $0 == runs[0] }
                && reduceShared([step], from: FixedPointScales(count: count, addends: 8)) == runs[0])
        for index in 0..<count {
            let exact = step.reduce(0.0) { $0 + Double($1[index]) }
            let largest = [6e-30, 6e30, 0, 6e30, 3.5e38, 6][index / 1024]
            if abs(exact) > 3.41e38 {
                #expect(sums[index] == (exact > 0 ? .infinity : -.infinity), "element \(index)")
            } else {
                #expect(
                    abs(Double(sums[index]) - exact) <= largest * 0x1p-18 + Double(ranks) * 0x1p-126, "element \(index)"
                )
            }
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
    func oneValueThatIsNoNumberMakesItsBlockNotANumber(value: Float) throws {
        for ranks in [1, 2, 3, 4] {
            var steps = (0..<2).map { unevenAddends(seed: 31 &+ $0, addends: ranks, count: 3000) }
            steps[0][ranks - 1][1500] = value
            let scales = FixedPointScales(count: 3000, addends: ranks)
            var alone = try accumulateAlone(steps, from: scales)
            alone.overflows = []
            #expect(alone.sums[0].indices.allSatisfy { (alone.sums[0][$0].isNaN) == (1024..<2048).contains($0) })
            #expect(alone.sums[1].allSatisfy { $0.isFinite }, "the next step is sound again")
            #expect(try reduce(steps, from: scales, limits: CollectiveLimits()).allSatisfy { $0 == alone })
            #expect(reduceShared(steps, from: scales) == alone)
        }
    }
}
