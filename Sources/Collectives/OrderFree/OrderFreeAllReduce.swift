import CReduction

extension Communicator {
    /// Replaces each element by its sum over all ranks, in place, and chooses the scales of the next sum.
    ///
    /// Every rank has the same bits, and they do not depend on the order of the ranks nor on how sums are taken: the ring,
    /// recursive doubling, and `FixedPointScales.sumShared` agree. Nothing overflows: the exponents are agreed before
    /// anything is rounded. That takes one more pass over memory, but no memory, and no addend twice. Who has no scales of
    /// the step before may give unknown ones; without headroom they are then the finest possible.
    ///
    /// A block is NaN throughout if any rank's addend in it is infinite or NaN.
    ///
    /// Rounding all addends to one quantum first: Demmel & Nguyen 2013, "Fast reproducible floating-point summation".
    ///
    /// - Parameters:
    ///   - buffer: this rank's one addend.
    ///   - scales: the same on all ranks, of `buffer.count` elements and at least as many addends as ranks. Unchanged if
    ///     an error is thrown.
    public func allReduceOrderFree(
        _ buffer: UnsafeMutableBufferPointer<Float>, scales: inout FixedPointScales
    ) throws {
        try perform("order-free all-reduce", alone: true) {
            guard buffer.count == scales.count else {
                throw CollectiveError(
                    .invalidArgument("the scales are of \(scales.count) elements, the buffer has \(buffer.count)"))
            }
        }
        if try allReduceOrderFreeDirectly(buffer, scales: &scales) { return }
        var magnitudes = scales.exponents.indices.map { block in
            let elements = scales.elements(of: block)
            return fixedpoint_magnitude(buffer.baseAddress! + elements.lowerBound, elements.count)
        }
        try agree(on: &magnitudes, scales: scales)
        var next = scales
        _ = next.fit(magnitudes)
        try buffer.withMemoryRebound(to: Int32.self) { sums in
            for block in next.exponents.indices {
                let elements = next.elements(of: block)
                fixedpoint_quantise(
                    sums.baseAddress! + elements.lowerBound, elements.count, next.exponents[block], next.rule)
            }
            try allReduce(sums, .sum)
            if let memory = sums.baseAddress { next.read(memory, magnitudes, into: memory) }
        }
        next.advance(past: magnitudes)
        scales = next
    }

    /// The same where all ranks see each other's buffers: one pass over memory.
    ///
    /// - Returns: whether it was done; false on all ranks or on none.
    private func allReduceOrderFreeDirectly(
        _ buffer: UnsafeMutableBufferPointer<Float>, scales: inout FixedPointScales
    ) throws -> Bool {
        guard let shared, algorithm.usesSharedMemory, topology.isOneHost, scales.addends >= size,
            let memory = buffer.bytes
        else { return false }
        var magnitudes = [Int32](repeating: 0, count: scales.exponents.count)
        var isDone = false
        try perform("order-free all-reduce") {
            guard let places = try shared.enter(.orderFree, memory).inPlace else { return }
            let buffers = places.map { $0.assumingMemoryBound(to: Float.self) }
            let blockBytes = FixedPointScales.blockElements * MemoryLayout<Float>.stride
            try magnitudes.withUnsafeMutableBufferPointer { [scales] magnitudes in
                try shared.divide(magnitudes.count, bytesEach: blockBytes) {
                    scales.sumShared(buffers, blocks: $0, magnitudes: magnitudes)
                }
            }
            isDone = true
        }
        guard isDone else { return false }
        try agree(on: &magnitudes, scales: scales)
        scales.advance(past: magnitudes)
        return true
    }

    /// Replaces this rank's magnitudes of a sum by the largest over all ranks.
    ///
    /// Throws `CollectiveError`, on all ranks, if they do not have the same scales: their integers would mean different
    /// things, and the sum nothing.
    func agree(on magnitudes: inout [Int32], scales: FixedPointScales) throws {
        try perform("order-free all-reduce", alone: true) {
            guard scales.addends >= size else {
                throw CollectiveError(
                    .invalidArgument("the scales are for \(scales.addends) addends, there are \(size) ranks"))
            }
        }
        // The largest complement is the complement of the smallest: all are the same if it is also the largest.
        let digest = scales.digest
        magnitudes += [digest, ~digest]
        try magnitudes.withUnsafeMutableBufferPointer { try allReduce($0, .max) }
        let ends = (magnitudes.removeLast(), magnitudes.removeLast())
        try perform("order-free all-reduce", alone: true) {
            guard ends.0 == ~ends.1 else {
                throw CollectiveError(.invalidArgument("the ranks do not have the same scales"))
            }
        }
    }
}

extension FixedPointScales {
    /// Makes a sum's integers floats, also in their own memory.
    func read(_ sums: UnsafePointer<Int32>, _ magnitudes: [Int32], into result: UnsafeMutableRawPointer) {
        for block in exponents.indices {
            let elements = elements(of: block)
            let target = result + elements.lowerBound * MemoryLayout<Float>.stride
            if magnitudes[block] < FIXEDPOINT_NONFINITE {
                fixedpoint_read(target, sums + elements.lowerBound, elements.count, exponents[block])
            } else {
                for element in 0..<elements.count {
                    target.storeBytes(of: .nan, toByteOffset: element * MemoryLayout<Float>.stride, as: Float.self)
                }
            }
        }
    }
}
