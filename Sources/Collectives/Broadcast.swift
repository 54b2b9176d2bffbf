extension Communicator {
    /// Broadcast down a binomial tree: `ceil(log2(size))` steps, each of the whole buffer. For small messages.
    func binomialBroadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int) throws {
        observer?.proceeds(by: "binomial tree")
        // Numbered from the root; a rank's parent is its number without the lowest one bit.
        let number = (rank - root + size) % size
        var bit = 1
        while bit < size && number & bit == 0 { bit <<= 1 }
        steps = Int.bitWidth - (size - 1).leadingZeroBitCount
        if number != 0 {
            step = 1
            try receive(memory.count, from: (number - bit + root) % size) {
                memory.baseAddress!.copyMemory(from: $0, byteCount: memory.count)
            }
        }
        bit >>= 1
        while bit > 0 {
            step += 1
            if number + bit < size {
                try link.send(UnsafeRawBufferPointer(memory), to: (number + bit + root) % size)
            }
            bit >>= 1
        }
        try link.flush()
    }

    /// Broadcast along a chain from the root, in chunks that are forwarded as they come: `size - 1` steps of one chunk to
    /// reach the last rank, and every rank sends the buffer at most once. For large messages.
    func chainBroadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int) throws {
        observer?.proceeds(by: "chain")
        let number = (rank - root + size) % size
        let left = (rank + size - 1) % size
        let right = (rank + 1) % size
        let chunkBytes = chunkBytes(forSegmentsUpTo: memory.count)
        steps = (memory.count + chunkBytes - 1) / chunkBytes
        for start in stride(from: 0, to: memory.count, by: chunkBytes) {
            step += 1
            let chunk = UnsafeMutableRawBufferPointer(
                rebasing: memory[start..<min(start + chunkBytes, memory.count)])
            if number > 0 {
                try receive(chunk.count, from: left) {
                    chunk.baseAddress!.copyMemory(from: $0, byteCount: chunk.count)
                }
            }
            if number < size - 1 { try link.send(UnsafeRawBufferPointer(chunk), to: right) }
        }
        try link.flush()
    }
}
