import Configuration
import ImagePipeline

/// Fills in what a configuration leaves to the data: channels, image size, the encoder's form, normalisation.
public enum DataResolution {
    /// - Throws: `ImageError` where the first image, which is looked at for its size, cannot be read.
    public static func resolve(
        _ configuration: RunConfiguration, for dataset: any ImageDataset
    ) throws -> RunConfiguration {
        var resolved = configuration
        if resolved.encoder.channels == 0 { resolved.encoder.channels = dataset.channels }
        guard resolved.encoder.channels == dataset.channels else {
            throw TrainingError.configuration(
                "encoder.channels is \(resolved.encoder.channels), the images have \(dataset.channels)")
        }
        if resolved.augment.size == 0 { resolved.augment.size = try size(of: dataset) }
        if resolved.encoder.form == .auto { resolved.encoder.form = resolved.augment.size < 64 ? .cifar : .imagenet }
        let normalization = defaultNormalization(channels: dataset.channels, size: resolved.augment.size)
        if resolved.augment.mean.isEmpty { resolved.augment.mean = normalization.mean.map(Double.init) }
        if resolved.augment.std.isEmpty { resolved.augment.std = normalization.std.map(Double.init) }
        for (key, values) in [("augment.mean", resolved.augment.mean), ("augment.std", resolved.augment.std)]
        where values.count != dataset.channels {
            throw TrainingError.configuration(
                "\(key) has \(values.count) numbers, the images have \(dataset.channels) channels")
        }
        return resolved
    }

    /// The images' own size where they are small and square, otherwise ImageNet's 224.
    private static func size(of dataset: any ImageDataset) throws -> Int {
        let first = try firstReadable(dataset)
        return first.width == first.height && first.width <= 96 ? first.width : 224
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

    private static func defaultNormalization(channels: Int, size: Int) -> Normalization {
        switch (channels, size) {
        case (1, _): return .fashionMNIST
        case (_, ..<64): return .cifar10
        default: return .imageNet
        }
    }
}
