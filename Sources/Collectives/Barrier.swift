extension Communicator {
    /// A dissemination barrier (Hensgen, Finkel & Manber 1988): in round `k` each rank tells the one `2^k` further and
    /// hears from the one `2^k` before; after `ceil(log2(size))` rounds each has heard of all.
    func disseminationBarrier(among ranks: [Int]) throws {
        let size = ranks.count
        let rank = ranks.firstIndex(of: self.rank) ?? 0
        observer?.proceeds(by: "dissemination")
        steps = Int.bitWidth - (size - 1).leadingZeroBitCount
        var distance = 1
        while distance < size {
            step += 1
            try link.send(UnsafeRawBufferPointer(start: nil, count: 0), to: ranks[(rank + distance) % size])
            let peer = ranks[(rank - distance + size) % size]
            try link.receive(from: peer) { bytes in
                guard bytes.count == 0 else {
                    throw CollectiveError(.sizeMismatch(expected: 0, got: bytes.count, from: peer))
                }
            }
            distance <<= 1
        }
        try link.flush()
    }
}
