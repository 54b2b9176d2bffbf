import ImagePipeline

/// The beginning of a dataset.
struct FirstImages: ImageDataset {
    private let whole: any ImageDataset
    let count: Int

    init(of whole: any ImageDataset, count: Int) {
        self.whole = whole
        self.count = count
    }

    var channels: Int { whole.channels }
    var classNames: [String] { whole.classNames }
    func label(at index: Int) -> Int64 { whole.label(at: index) }
    func name(at index: Int) -> String { whole.name(at: index) }
    func image(at index: Int) throws -> PixelImage { try whole.image(at: index) }
    func image(at index: Int, scale: (ImageSize) -> Double) throws -> PixelImage {
        try whole.image(at: index, scale: scale)
    }
}
