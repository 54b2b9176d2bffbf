extension Communicator {
    /// All-reduce by recursive doubling (Thakur, Rabenseifner & Gropp 2005, "Optimization of collective communication
    /// operations in MPICH"): in round `k` ranks at distance `2^k` exchange everything they have.
    ///
    /// `log2(p)` rounds for `p` the largest power of two in `size`, each of the whole buffer; the `size - p` ranks too
    /// many hand their values to a neighbour before and get the result from it after. Both partners of a round combine
    /// the same two values, and the kernels do not depend on their order, so all ranks have the same bits.
    ///
    /// Buffers: a partner's message does not prove that ours was delivered, so each round has its own memory.
    ///
    /// - Parameter ranks: those who take part, this one among them; the same on all of them.
    func recursiveDoublingAllReduce(
        _ memory: UnsafeMutableRawBufferPointer, _ reduction: Reduction, among ranks: [Int]
    ) throws {
        observer?.proceeds(by: "recursive doubling")
        let bytes = memory.count
        let size = ranks.count
        let rank = ranks.firstIndex(of: self.rank) ?? 0
        let rounds = (Int.bitWidth - 1) - size.leadingZeroBitCount
        let paired = 1 << rounds
        let extra = size - paired
        let outside = rank < 2 * extra
        steps = rounds + (outside ? 2 : 0)

        if outside && rank % 2 == 0 {
            step = 1
            try link.send(UnsafeRawBufferPointer(memory), to: ranks[rank + 1])
            step = steps
            // The result contains what was sent, so that has been delivered.
            try receive(bytes, from: ranks[rank + 1]) { memory.baseAddress!.copyMemory(from: $0, byteCount: bytes) }
            return try link.flush()
        }
        let stride = (bytes + 63) / 64 * 64
        let results = scratch(bytes: stride * max(rounds, 1))
        var current = UnsafeRawPointer(memory.baseAddress!)
        if outside {
            step = 1
            try receive(bytes, from: ranks[rank - 1]) {
                reduction(current, $0, into: memory.baseAddress!, bytes: bytes)
            }
        }
        // Ranks are numbered anew without those that handed their values over.
        let number = outside ? rank / 2 : rank - extra
        for round in 0..<rounds {
            step += 1
            let partnerNumber = number ^ (1 << round)
            let partner = ranks[partnerNumber < extra ? partnerNumber * 2 + 1 : partnerNumber + extra]
            let result = results + round * stride
            try link.send(UnsafeRawBufferPointer(start: current, count: bytes), to: partner)
            try receive(bytes, from: partner) { reduction(current, $0, into: result, bytes: bytes) }
            current = UnsafeRawPointer(result)
        }
        if outside {
            step += 1
            try link.send(UnsafeRawBufferPointer(start: current, count: bytes), to: ranks[rank - 1])
        }
        try link.flush()
        memory.baseAddress!.copyMemory(from: current, byteCount: bytes)
    }

    /// Receives a message of a known, positive length.
    func receive(_ bytes: Int, from peer: Int, _ body: (UnsafeRawPointer) -> Void) throws {
        try receive(from: peer) { message in
            guard message.count == bytes else {
                throw CollectiveError(.sizeMismatch(expected: bytes, got: message.count, from: peer))
            }
            body(message.baseAddress!)
        }
    }
}
