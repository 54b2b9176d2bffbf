/// Which images make up a batch.
public struct BatchRequest: Equatable, Sendable {
    /// Enters the augmentation's randomness.
    public var epoch: Int
    /// Indices into the dataset.
    public var samples: [Int32]

    public init(epoch: Int, samples: [Int32]) {
        self.epoch = epoch
        self.samples = samples
    }
}

/// An image that could not be decoded and was replaced.
public struct BadSample: Equatable, Sendable, CustomStringConvertible {
    /// Its index in the dataset.
    public let index: Int
    public let name: String
    public let cause: String

    public init(index: Int, name: String, cause: String) {
        self.index = index
        self.name = name
        self.cause = cause
    }

    public var description: String { "\(name): \(cause)" }
}

/// One view of all samples of a batch: where it lies in the batch's buffer.
public struct ViewBlock: Equatable, Sendable {
    /// Floats of the buffer before it.
    public let offset: Int
    /// `[samples, height, width, channels]`, without padding.
    public let shape: [Int]

    /// Its floats in the buffer.
    public var range: Range<Int> { offset..<offset + shape.reduce(1, *) }
    /// Floats of one sample's view.
    var imageSize: Int { shape[1] * shape[2] * shape[3] }
}

/// A batch, ready for the encoder.
public struct LoadedBatch: Sendable {
    /// The number of its request, from 0.
    public let index: Int
    /// The request's epoch.
    public let epoch: Int
    public let buffer: BatchBuffer
    /// The views in the order of the loader's augmentations, one after the other in the buffer.
    public let views: [ViewBlock]
    /// The indices asked for.
    public let samples: [Int32]
    /// The indices of the images in the buffer: `samples`, but for replaced ones.
    public let sources: [Int32]
    /// Images found undecodable on the way to this batch, each reported once in a loader's life.
    public let badSamples: [BadSample]
}

/// Why a batch cannot be loaded.
public enum LoaderError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A request names an image that the dataset does not have.
    case sampleOutOfRange(sample: Int, count: Int, request: Int)
    /// An image and as many of its successors as are tried are all undecodable.
    case noReadableImage(first: BadSample, attempts: Int)
    /// The system refuses another thread.
    case noThread(cause: String)

    public var description: String {
        switch self {
        case .sampleOutOfRange(let sample, let count, let request):
            "batch \(request) asks for sample \(sample) of a dataset of \(count): "
                + "check that the dataset is the one that the run began with"
        case .noReadableImage(let first, let attempts):
            "\(attempts) images in a row cannot be decoded, beginning with \(first.name) (\(first.cause)): "
                + "check the dataset"
        case .noThread(let cause):
            "cannot start a loader thread: \(cause); lower the number of threads"
        }
    }
}
