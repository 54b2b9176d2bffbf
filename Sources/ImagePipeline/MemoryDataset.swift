/// Images of one size held decoded in memory: what IDX and CIFAR files become.
struct MemoryDataset: ImageDataset {
    let width: Int
    let height: Int
    let channels: Int
    let classNames: [String]
    private let pixels: [UInt8]
    private let labels8: [UInt8]
    private let sources: [Source]

    /// A file that contributed images, for their names.
    struct Source: Sendable {
        let name: String
        let firstIndex: Int
    }

    /// - Parameters:
    ///   - pixels: `[count, height, width, channels]`.
    ///   - labels: one a picture, each below `classNames.count`.
    init(
        width: Int, height: Int, channels: Int, pixels: [UInt8], labels: [UInt8], classNames: [String],
        sources: [Source]
    ) {
        precondition(pixels.count == labels.count * width * height * channels, "one label a picture")
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
        self.labels8 = labels
        self.classNames = classNames
        self.sources = sources
    }

    var count: Int { labels8.count }

    func label(at index: Int) -> Int64 {
        Int64(labels8[index])
    }

    func name(at index: Int) -> String {
        guard let source = sources.last(where: { $0.firstIndex <= index }) else { return "[\(index)]" }
        return "\(source.name)[\(index - source.firstIndex)]"
    }

    func image(at index: Int) throws -> PixelImage {
        let size = width * height * channels
        return PixelImage(
            width: width, height: height, channels: channels, pixels: Array(pixels[index * size..<(index + 1) * size]))
    }
}
