import CReduction

/// How a bucket quantised in blocks is dealt to the ranks, and how a part of it is laid out as a message.
///
/// A message is made of 32-bit words: a float scale for each block, then a byte for each element, filled up with zeros.
struct BlockPartition: Equatable {
    static let block = Int(COMPRESSION_BLOCK)

    /// The elements of each rank's part: whole blocks, but for the bucket's last.
    let parts: [Range<Int>]
    /// The words of each part's message.
    let words: [Int]
    /// The index, in words, at which each part's message begins where all lie one after the other.
    let starts: [Int]
    /// The sum of `words`.
    let totalWords: Int

    init(count: Int, ranks: Int) {
        let blocks = Self.blocks(count)
        let bounds = (0...ranks).map { min(count, blocks * $0 / ranks * Self.block) }
        parts = zip(bounds, bounds.dropFirst()).map { $0..<$1 }
        words = parts.map { Self.blocks($0.count) + ($0.count + 3) / 4 }
        var total = 0
        var starts: [Int] = []
        for length in words {
            starts.append(total)
            total += length
        }
        self.starts = starts
        totalWords = total
    }

    private static func blocks(_ count: Int) -> Int {
        (count + block - 1) / block
    }

    /// The scales and the codes within a message of `count` elements.
    static func fields(
        of message: UnsafeMutablePointer<Int32>, count: Int
    ) -> (scales: UnsafeMutableRawPointer, codes: UnsafeMutablePointer<Int8>) {
        let codes = UnsafeMutableRawPointer(message + blocks(count))
        return (UnsafeMutableRawPointer(message), codes.assumingMemoryBound(to: Int8.self))
    }
}
