import Configuration
import ImagePipeline

extension DatasetTraits {
    /// What a configuration wants to know of a dataset.
    ///
    /// - Throws: `ImageError` where none of the first images, which are looked at for their size, can be read.
    public init(of dataset: any ImageDataset) throws {
        let first = try Self.firstReadable(dataset)
        let side = first.width == first.height ? first.width : nil
        let known = Self.knownNormalization(channels: dataset.channels, side: side)
        self.init(
            uniformSize: side, channels: dataset.channels, mean: known.mean.map(Double.init),
            std: known.std.map(Double.init))
    }

    /// A corrupt image at the front must not keep a run from starting.
    private static func firstReadable(_ dataset: any ImageDataset) throws -> PixelImage {
        var failure: (any Error)?
        for index in 0..<min(dataset.count, 100) {
            do {
                return try dataset.image(at: index)
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? TrainingError.configuration("the dataset has no images")
    }

    /// Statistics of the dataset that images of this kind most likely are, or are like.
    private static func knownNormalization(channels: Int, side: Int?) -> Normalization {
        switch (channels, side) {
        case (1, _): return .fashionMNIST
        case (_, .some(32)): return .cifar10
        default: return .imageNet
        }
    }
}
