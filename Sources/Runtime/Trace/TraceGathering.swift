import Collectives

extension Communicator {
    /// Each rank's text, by rank, on rank 0; nil on the others. All ranks call it.
    ///
    /// It goes in parts, so that a rank which only passes the others' on never holds all of them.
    ///
    /// - Parameter partBytes: the most that a rank gives at once; a multiple of 8, the same on all ranks.
    func gatheredAtRankZero(_ text: [UInt8], partBytes: Int = 1 << 20) throws -> [[UInt8]]? {
        let lengths = try gathered(Int64(text.count)).map(Int.init)
        let wordsOfPart = partBytes / 8
        var texts = [[UInt8]](repeating: [], count: rank == 0 ? size : 0)
        for start in stride(from: 0, to: lengths.max() ?? 0, by: partBytes) {
            let counts = lengths.map { min(wordsOfPart, (max(0, $0 - start) + 7) / 8) }
            var own = [Int64](repeating: 0, count: counts[rank])
            own.withUnsafeMutableBytes { $0.copyBytes(from: text.dropFirst(start).prefix($0.count)) }
            var all = [Int64](repeating: 0, count: counts.reduce(0, +))
            try own.withUnsafeBufferPointer { own in
                try all.withUnsafeMutableBufferPointer { try allGather(own, counts: counts, into: $0) }
            }
            all.withUnsafeBytes { bytes in
                var offset = 0
                for rank in texts.indices {
                    let length = min(counts[rank] * 8, max(0, lengths[rank] - start))
                    texts[rank] += bytes[offset..<offset + length]
                    offset += counts[rank] * 8
                }
            }
        }
        return rank == 0 ? texts : nil
    }
}
