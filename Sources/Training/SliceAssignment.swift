/// How a global batch is cut into slices and dealt to the ranks of a generation.
///
/// Slices are consecutive pieces of the batch in sample order, and each rank gets consecutive slices, so that
/// concatenating the ranks' rows in rank order gives the batch in sample order whatever the number of ranks.
/// The cut is a function of the configuration alone; only the dealing depends on the world size.
public struct SliceAssignment: Equatable, Sendable {
    /// Images in a global batch.
    public let globalBatch: Int
    /// Images in every slice but possibly the last, which is shorter when the batch is not divisible.
    public let sliceSize: Int
    /// Ranks the slices are dealt to.
    public let worldSize: Int

    /// - Precondition: all three positive, and no more ranks than slices (the coordinator sees to it).
    public init(globalBatch: Int, sliceSize: Int, worldSize: Int) {
        precondition(globalBatch > 0 && sliceSize > 0 && worldSize > 0, "empty slices or ranks")
        self.globalBatch = globalBatch
        self.sliceSize = sliceSize
        self.worldSize = worldSize
        precondition(worldSize <= sliceCount, "\(worldSize) ranks for \(sliceCount) slices")
    }

    /// Slices in the batch.
    public var sliceCount: Int { (globalBatch + sliceSize - 1) / sliceSize }

    /// The slices of `rank`; shares differ by one slice at most.
    public func slices(of rank: Int) -> Range<Int> {
        sliceCount * rank / worldSize..<sliceCount * (rank + 1) / worldSize
    }

    /// The positions within the batch that `slice` covers.
    public func positions(ofSlice slice: Int) -> Range<Int> {
        slice * sliceSize..<min((slice + 1) * sliceSize, globalBatch)
    }

    /// The positions within the batch that `rank` works on.
    public func positions(of rank: Int) -> Range<Int> {
        let own = slices(of: rank)
        return own.lowerBound * sliceSize..<min(own.upperBound * sliceSize, globalBatch)
    }

    /// Images of each rank, in rank order.
    public var shares: [Int] { (0..<worldSize).map { positions(of: $0).count } }
}
