/// Sizes at which collectives change their ways. All ranks of a generation must have the same.
///
/// The defaults were measured on loopback TCP with 2 to 4 ranks on two cores. More chunks in flight fall out of the
/// cache; smaller ones cost more in messages than their overlap gains.
public struct CollectiveLimits: Sendable, Equatable {
    /// The longest message of a large collective (bytes); what is longer goes in several, so that receiving, adding and
    /// forwarding overlap. A multiple of 64.
    public var chunkBytes: Int
    /// The shortest chunk that is worth its overhead (bytes): segments are cut no finer only to overlap.
    public var minimumChunkBytes: Int
    /// Up to this size (bytes) all-reduce takes `small`, and broadcast the way with the fewest steps.
    public var smallBytes: Int
    /// The same of all-reduces whose chunks are packed on the ring, and on no other way; at most `smallBytes`.
    public var smallPackedBytes: Int
    /// What small all-reduces take over the network: `recursiveDoubling`, with the fewest steps, or `tree`, with the
    /// fewest messages.
    public var small: AllReduceAlgorithm
    /// How many chunks a rank sends ahead of what it has received. It bounds what can pile up at a rank that falls
    /// behind: `size * window` chunks.
    public var window: Int

    public init(
        chunkBytes: Int = 1 << 20, minimumChunkBytes: Int = 512 << 10, smallBytes: Int = 512 << 10,
        smallPackedBytes: Int = 64 << 10, small: AllReduceAlgorithm = .recursiveDoubling, window: Int = 4
    ) {
        precondition(chunkBytes >= 64 && chunkBytes % 64 == 0, "chunks hold whole elements and whole cache lines")
        precondition(small == .recursiveDoubling || small == .tree, "the algorithms for small buffers")
        precondition(
            minimumChunkBytes >= 64 && smallBytes >= 0 && smallPackedBytes >= 0 && window >= 1, "limits are positive")
        self.chunkBytes = chunkBytes
        self.minimumChunkBytes = minimumChunkBytes
        self.smallBytes = smallBytes
        self.smallPackedBytes = min(smallBytes, smallPackedBytes)
        self.small = small
        self.window = window
    }
}
