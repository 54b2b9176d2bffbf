extension Communicator {
    /// All-reduce up a binomial tree to rank 0 and down again (Thakur, Rabenseifner & Gropp 2005): `2 ceil(log2(size))`
    /// steps, each of the whole buffer, but only `size - 1` messages each way. For small buffers where ranks share
    /// cores, whose time every message takes, or many of them one network port.
    ///
    /// Rank 0 combines in an order given by the ranks alone and all others copy its result, so all have the same bits.
    ///
    /// Buffers: the result that overwrites what a rank sent up contains it, so it has been delivered by then.
    func treeAllReduce(_ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction) throws {
        guard size > 1, memory.count > 0 else { return }
        observer?.proceeds(by: "binomial tree")
        let base = memory.baseAddress!
        let depth = Int.bitWidth - (size - 1).leadingZeroBitCount
        steps = 2 * depth

        // The distance to the parent is a rank's lowest one bit; rank 0 has all its children below `size`.
        var bit = 1
        while bit < size && rank & bit == 0 {
            step += 1
            if rank + bit < size {
                try receive(memory.count, from: rank + bit) {
                    reduction(UnsafeRawPointer(base), $0, into: base, bytes: memory.count)
                }
            }
            bit <<= 1
        }
        if rank != 0 {
            step += 1
            try link.send(UnsafeRawBufferPointer(memory), to: rank - bit)
            step = steps - bit.trailingZeroBitCount
            try receive(memory.count, from: rank - bit) { base.copyMemory(from: $0, byteCount: memory.count) }
        }
        bit >>= 1
        while bit > 0 {
            step = steps - bit.trailingZeroBitCount
            if rank + bit < size { try link.send(UnsafeRawBufferPointer(memory), to: rank + bit) }
            bit >>= 1
        }
        try link.flush()
    }

    /// An all-reduce that takes the tree whatever the size, for tests and benchmarks.
    package func treeAllReduce<T: ReducibleElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, _ operation: ReductionOperation
    ) throws {
        try perform("all-reduce") {
            guard let memory = buffer.bytes else { return }
            try treeAllReduce(memory, Reduction(operation, T.elementKind))
        }
    }
}
