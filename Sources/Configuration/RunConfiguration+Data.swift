/// What a configuration needs to know of the dataset before the run.
public struct DatasetTraits: Sendable, Equatable {
    /// Side of the images in pixels if all are square and alike, else nil.
    public var uniformSize: Int?
    public var channels: Int
    /// Mean and standard deviation of each channel in 0…1 for this kind of dataset, if known.
    public var mean: [Double]?
    public var std: [Double]?

    public init(uniformSize: Int?, channels: Int, mean: [Double]? = nil, std: [Double]? = nil) {
        self.uniformSize = uniformSize
        self.channels = channels
        self.mean = mean
        self.std = std
    }
}

extension RunConfiguration {
    /// Replaces every "from the data" by its value: `augment.size`, `augment.mean`, `augment.std`, `encoder.channels`,
    /// and then `encoder.form` and, with local views, `augment.local_size`. What the user chose stays.
    ///
    /// The resolved file and the text kept in checkpoints are to be written after this, so that a run resumed with the
    /// original file and one resumed with the resolved file are the same run.
    ///
    /// - Throws: `ConfigurationError` if the given mean or deviation has another number of channels.
    public mutating func resolve(data traits: DatasetTraits) throws {
        resolveMethod()
        if encoder.channels == 0 { encoder.channels = traits.channels }
        if augment.size == 0 {
            augment.size = traits.uniformSize.flatMap { $0 <= Self.greatestOwnSize ? $0 : nil } ?? Self.defaultSize
        }
        if encoder.form == .auto { encoder.form = augment.size < Self.cifarFormBelow ? .cifar : .imagenet }
        // Without local views it stays 0, as in the checkpoints of runs from before there were any.
        if augment.localViews > 0, augment.localSize == 0 { augment.localSize = Self.localSize(of: augment.size) }
        if augment.mean.isEmpty {
            if let mean = traits.mean, let std = traits.std, mean.count == encoder.channels, std.count == mean.count {
                (augment.mean, augment.std) = (mean, std)
            } else {
                augment.mean = Array(repeating: 0.5, count: encoder.channels)
                augment.std = augment.mean
            }
        }
        guard augment.mean.count == encoder.channels else {
            throw ConfigurationError(
                place: .file("configuration", line: nil), key: "augment.mean",
                message: "has \(augment.mean.count) numbers, but the images have \(encoder.channels) channels")
        }
    }

    /// Images up to this side are trained at their own size when `augment.size` is 0.
    static let greatestOwnSize = 96
    /// Side of the views of larger or mixed images.
    static let defaultSize = 224
    /// 3/7 of the global views' side, rounded: 96 beside 224, as in SwAV; 1 at least.
    static func localSize(of size: Int) -> Int {
        max(1, (6 * size + 7) / 14)
    }

    /// Views below this side get the CIFAR form of an encoder.
    static let cifarFormBelow = 64
}
