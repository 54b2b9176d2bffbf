import CReduction

extension FixedPointScales {
    /// Sums some blocks of all ranks' buffers and overwrites each buffer with the result, where one process sees all of
    /// them: one pass over memory, and the bits of `Communicator.allReduceOrderFree`.
    ///
    /// Each block is summed by exactly one rank, between two barriers: after all have written their addends, and before
    /// any reads the result. An overflow is dealt with inside, as is the first sum with unknown scales. After the second
    /// barrier every rank calls `advance(past: magnitudes)` with those of all blocks, also of other ranks'; so they are
    /// best kept in shared memory too. The scales' equality on all ranks is not checked here.
    ///
    /// - Parameters:
    ///   - buffers: each rank's addend, `count` elements; 1...`addends` buffers that do not overlap.
    ///   - blocks: the blocks to sum, of `exponents.indices`.
    ///   - magnitudes: one for each block of the whole buffer; those of `blocks` are written.
    package func sumShared(
        _ buffers: [UnsafeMutablePointer<Float>], blocks: Range<Int>,
        magnitudes: UnsafeMutableBufferPointer<Int32>
    ) {
        precondition((1...addends).contains(buffers.count), "as many buffers as the scales are made for")
        precondition(
            blocks.lowerBound >= 0 && blocks.upperBound <= exponents.count && magnitudes.count == exponents.count,
            "blocks of this buffer")
        guard !blocks.isEmpty else { return }
        let start = blocks.lowerBound * Self.blockElements
        fixedpoint_sum_float(
            buffers.map { $0 }, buffers.count, start, elements(of: blocks.upperBound - 1).upperBound - start, exponents,
            rule, magnitudes.baseAddress!)
    }
}
