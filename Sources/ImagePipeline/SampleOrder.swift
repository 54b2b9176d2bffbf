import Randomness

/// The order in which an epoch visits the images: a pure function of seed, number of images and epoch.
public struct SampleOrder: Sendable {
    public let seed: UInt64
    public let count: Int

    /// - Parameter count: The number of images, below 2³¹.
    public init(seed: UInt64, count: Int) {
        precondition(count > 0 && count <= Int(Int32.max), "\(count) images cannot be ordered")
        self.seed = seed
        self.count = count
    }

    /// A uniform permutation of 0..<`count`; O(count).
    public func permutation(epoch: Int) -> [Int32] {
        // The first label keeps this stream apart from those of other uses of the seed.
        var generator = Philox(seed: seed, path: [0x6F72_6465_7200_0001, UInt64(bitPattern: Int64(epoch))])
        return generator.permutation(of: count)
    }
}
