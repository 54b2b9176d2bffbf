/// Which part of a dataset to open.
public enum DatasetSplit: String, Sendable, CaseIterable {
    case train
    case test
    /// Every image, whatever split it belongs to (training images first).
    case all
}

/// A set of images that can be read at random, from any number of threads at once.
public protocol ImageDataset: Sendable {
    /// The number of images, at least 1.
    var count: Int { get }
    /// Channels of every image: 1 or 3.
    var channels: Int { get }
    /// Names of the classes by label; empty where the images have none.
    var classNames: [String] { get }
    /// The class of an image as an index into `classNames`; −1 where it has none.
    func label(at index: Int) -> Int64
    /// What to call an image in messages and in tables: its path inside the dataset, or file and position.
    func name(at index: Int) -> String
    /// Reads and decodes an image at its full size.
    ///
    /// - Throws: `ImageError` with the image's name and the cause.
    func image(at index: Int) throws -> PixelImage
    /// Reads and decodes an image at the smallest scale that its format offers and that is at least
    /// `scale(full size)`, a number in 0…1. JPEG offers 1/8, 1/4, 1/2 and 1; everything else is read whole.
    ///
    /// - Throws: `ImageError` with the image's name and the cause.
    func image(at index: Int, scale: (ImageSize) -> Double) throws -> PixelImage
}

extension ImageDataset {
    public func image(at index: Int, scale: (ImageSize) -> Double) throws -> PixelImage {
        try image(at: index)
    }

    /// The labels of all images in order.
    public var labels: [Int64] {
        (0..<count).map { label(at: $0) }
    }
}
