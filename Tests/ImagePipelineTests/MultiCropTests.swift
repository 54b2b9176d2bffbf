import ImagePipeline
import Randomness
import Synchronization
import Testing

/// Batches whose views differ in size and kind.
@Suite struct MultiCropTests {
    /// Two global views, the second solarised, and two local ones.
    static let views: [Augmentation] = {
        let first = Augmentation(outputSize: 9, normalization: .none(channels: 3))
        var second = first
        second.blurProbability = 0
        second.solarizeProbability = 1
        var local = Augmentation(outputSize: 5, normalization: .cifar10)
        local.cropScale = 0.05...0.14
        return [first, second, local, local]
    }()

    func batches(_ dataset: any ImageDataset, threads: Int = 1, prefetch: Int = 2) throws -> [LoadedBatch] {
        let loader = try BatchLoader(
            dataset: dataset, views: Self.views, seed: 5, threads: threads, prefetch: prefetch
        ) { index in
            guard index < 5 else { return nil }
            let count = index == 4 ? 3 : 6
            return BatchRequest(epoch: 2, samples: (0..<count).map { Int32((index * 6 + $0) % dataset.count) })
        }
        var batches: [LoadedBatch] = []
        while let batch = try loader.next() { batches.append(batch) }
        return batches
    }

    /// The view of `sample` made of image `source`, by its augmentation alone.
    func view(_ number: Int, of sample: Int32, source: Int32, _ dataset: any ImageDataset) throws -> [Float] {
        let augmentation = Self.views[number]
        let side = augmentation.outputSize
        var generator = Philox(seed: 5, path: [2, UInt64(sample), UInt64(number)])
        var output = [Float](repeating: .nan, count: side * side * 3)
        augmentation.apply(try dataset.image(at: Int(source)), generator: &generator, into: &output)
        return output
    }

    @Test func eachBlockHoldsTheViewsOfItsAugmentation() throws {
        let dataset = PlainDataset(count: 25, bad: [4, 7, 8])
        for batch in try batches(dataset, threads: 2) {
            let count = batch.samples.count
            #expect(batch.views.map(\.shape) == [9, 9, 5, 5].map { [count, $0, $0, 3] })
            var end = 0
            for (number, block) in batch.views.enumerated() {
                #expect(block.offset == end)
                end = block.range.upperBound
                let size = block.shape[1...].reduce(1, *)
                for (position, sample) in batch.samples.enumerated() {
                    let expected = try view(number, of: sample, source: batch.sources[position], dataset)
                    let start = block.offset + position * size
                    #expect(
                        Array(batch.buffer.floats[start..<start + size]) == expected, "view \(number) of \(sample)")
                }
            }
            #expect(end == batch.buffer.floats.count)
        }
    }

    @Test func aReplacedImageIsReplacedInEveryView() throws {
        let dataset = PlainDataset(count: 25, bad: [4, 7, 8])
        let batches = try batches(dataset)
        #expect(batches[0].sources == [0, 1, 2, 3, 5, 5] && batches[1].sources == [6, 9, 9, 9, 10, 11])
        #expect(batches.flatMap(\.badSamples).map(\.index) == [4, 7, 8])
    }

    @Test(arguments: [(2, 1), (3, 4), (8, 2)])
    func theNumberOfThreadsDoesNotShow(threads: Int, prefetch: Int) throws {
        let dataset = PlainDataset(count: 25, bad: [3, 17, 18])
        let reference = try batches(dataset)
        let batches = try batches(dataset, threads: threads, prefetch: prefetch)
        #expect(batches.count == 5 && reference.count == 5)
        for (batch, other) in zip(batches, reference) {
            #expect(batch.views == other.views && batch.sources == other.sources)
            #expect(batch.badSamples == other.badSamples)
            #expect(batch.buffer.floats.elementsEqual(other.buffer.floats))
        }
    }

    @Test func addingLocalViewsLeavesTheGlobalOnesAsTheyWere() throws {
        let dataset = PlainDataset(count: 25)
        let all = try #require(try batches(dataset).first)
        let global = try #require(
            try BatchLoader(dataset: dataset, views: Array(Self.views[..<2]), seed: 5) { index in
                index == 0 ? BatchRequest(epoch: 2, samples: all.samples) : nil
            }.next())
        #expect(global.buffer.floats.elementsEqual(all.buffer.floats[..<global.buffer.floats.count]))
    }

    @Test func aWrongAugmentationOfAnyViewIsNamed() {
        var views = Self.views
        views[3].cropScale = 0...0.14
        let error = #expect(throws: AugmentationError.self) {
            try BatchLoader(dataset: PlainDataset(count: 3), views: views, seed: 1) { _ in nil }
        }
        #expect(error?.parameter == "cropScale")
    }

    @Test(arguments: 0..<20 as Range<Int32>)
    func photographsAreDecodedAtTheLeastScaleThatSuitsEveryCrop(sample: Int32) throws {
        let full = ImageSize(width: 4000, height: 3000)
        let dataset = Photographs(size: full)
        func scale(_ augmentation: Augmentation, view: Int) -> Double {
            var generator = Philox(seed: 5, path: [2, UInt64(sample), UInt64(view)])
            let crop = augmentation.plan(for: full, generator: &generator).crop
            return Double(augmentation.outputSize) / min(crop.width, crop.height)
        }
        var large = Augmentation(outputSize: 224, normalization: .imageNet)
        large.cropScale = 0.14...1
        var local = Augmentation(outputSize: 96, normalization: .imageNet)
        local.cropScale = 0.005...0.14
        let views = [large, large, local, local, local]
        _ = try BatchLoader(dataset: dataset, views: views, seed: 5) { index in
            index == 0 ? BatchRequest(epoch: 2, samples: [sample]) : nil
        }.next()
        let scales = views.enumerated().map { scale($1, view: $0) }
        #expect(dataset.scales == [try #require(scales.max())])
    }
}

/// Large photographs that note at which scale they are asked for.
final class Photographs: ImageDataset {
    let count = 20
    let channels = 3
    let classNames: [String] = []
    private let size: ImageSize
    private let asked = Mutex<[Double]>([])

    init(size: ImageSize) { self.size = size }

    var scales: [Double] { asked.withLock { $0 } }

    func label(at index: Int) -> Int64 { -1 }

    func name(at index: Int) -> String { "photograph \(index)" }

    func image(at index: Int) throws -> PixelImage { try image(at: index) { _ in 1 } }

    func image(at index: Int, scale: (ImageSize) -> Double) throws -> PixelImage {
        let scale = scale(size)
        asked.withLock { $0.append(scale) }
        // A reduced copy stands for the whole.
        return PixelImage(
            width: 40, height: 30, channels: 3, pixels: [UInt8](repeating: 90, count: 3600), fullSize: size)
    }
}
