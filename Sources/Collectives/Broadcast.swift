extension Communicator {
    /// Broadcast down a binomial tree: `ceil(log2(size))` steps, each of the whole buffer. For small messages.
    ///
    /// - Parameters:
    ///   - root: the place of the root in `ranks`.
    ///   - ranks: those who take part, this one among them; the same on all of them.
    func binomialBroadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int, among ranks: [Int]) throws {
        let size = ranks.count
        let rank = ranks.firstIndex(of: self.rank) ?? 0
        observer?.proceeds(by: "binomial tree")
        // Numbered from the root; a rank's parent is its number without the lowest one bit.
        let number = (rank - root + size) % size
        var bit = 1
        while bit < size && number & bit == 0 { bit <<= 1 }
        steps = Int.bitWidth - (size - 1).leadingZeroBitCount
        if number != 0 {
            step = 1
            try receive(memory.count, from: ranks[(number - bit + root) % size]) {
                memory.baseAddress!.copyMemory(from: $0, byteCount: memory.count)
            }
        }
        bit >>= 1
        while bit > 0 {
            step += 1
            if number + bit < size {
                try link.send(UnsafeRawBufferPointer(memory), to: ranks[(number + bit + root) % size])
            }
            bit >>= 1
        }
        try link.flush()
    }

    /// Broadcast along a chain from the root, in chunks that are forwarded as they come: `size - 1` steps of one chunk to
    /// reach the last rank, and every rank sends the buffer at most once. For large messages.
    func chainBroadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int, among ranks: [Int]) throws {
        let size = ranks.count
        let rank = ranks.firstIndex(of: self.rank) ?? 0
        observer?.proceeds(by: "chain")
        let number = (rank - root + size) % size
        let left = ranks[(rank + size - 1) % size]
        let right = ranks[(rank + 1) % size]
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

    /// Broadcast over the network among `ranks`, by size; `root` is a rank.
    func networkBroadcast(_ memory: UnsafeMutableRawBufferPointer, root: Int, among ranks: [Int]) throws {
        guard ranks.count > 1, let place = ranks.firstIndex(of: root) else { return }
        if memory.count <= limits.smallBytes {
            try binomialBroadcast(memory, root: place, among: ranks)
        } else {
            try chainBroadcast(memory, root: place, among: ranks)
        }
    }
}
