import ImagePipeline
import Testing

/// Real images, where they are; each test says so when they are not.
@Suite struct RealImagesTests {
    func isThere(_ name: String) -> Bool {
        if !SharedData.isThere(name) { print("skipped: ../shared/data/\(name) is not there") }
        return SharedData.isThere(name)
    }

    @Test func cifarTarIsIndexedAndRead() throws {
        guard isThere("cifar10-test.tar") else { return }
        let dataset = try ImageDatasets.open(SharedData.path("cifar10-test.tar"), split: .test)
        #expect(dataset.count == 10_000 && dataset.classNames.count == 10 && dataset.channels == 3)
        for label in 0..<10 { #expect(dataset.labels.count { $0 == Int64(label) } == 1000) }
        #expect(dataset.name(at: 0) == "test/airplane/0000.jpg")
        for index in stride(from: 0, to: 10_000, by: 97) {
            let image = try dataset.image(at: index)
            #expect(image.width == 32 && image.height == 32 && image.channels == 3)
        }
        #expect(throws: DatasetError.self) {
            try ImageDatasets.open(SharedData.path("cifar10-test.tar"), split: .train)
        }
    }

    @Test func signDigitsHaveTenClasses() throws {
        guard isThere("sign-digits.tar") else { return }
        let dataset = try ImageDatasets.open(SharedData.path("sign-digits.tar"), split: .train)
        #expect(dataset.count == 2062 && dataset.classNames == (0...9).map(String.init))
        for index in stride(from: 0, to: 2062, by: 41) {
            #expect(try dataset.image(at: index).fullSize == ImageSize(width: 100, height: 100))
        }
    }

    @Test func everyPhotographDecodesAndLoads() throws {
        guard isThere("photos-300.tar") else { return }
        let dataset = try ImageDatasets.open(SharedData.path("photos-300.tar"), split: .train)
        #expect(dataset.count == 300)
        let transform = EvaluationTransform(outputSize: 64, normalization: .imageNet)
        let loader = try BatchLoader(dataset: dataset, transform: transform, batchSize: 50, threads: 2)
        var loaded = 0
        while let batch = try loader.next() {
            #expect(batch.badSamples.isEmpty && batch.buffer.floats.allSatisfy(\.isFinite))
            loaded += batch.samples.count
        }
        #expect(loaded == 300)
    }

    @Test func reducedDecodingGivesNearlyTheSameView() throws {
        guard isThere("photos-300.tar") else { return }
        let dataset = try ImageDatasets.open(SharedData.path("photos-300.tar"), split: .train)
        let transform = EvaluationTransform(outputSize: 64, normalization: .none(channels: 3))
        func load(reduced: Bool) throws -> LoadedBatch? {
            let samples: [Int32] = [0, 40, 80, 120, 160, 200, 240, 280]
            return try BatchLoader(
                dataset: dataset, transform: transform, batchSize: 8, samples: samples, reducesLargeImages: reduced
            ).next()
        }
        let full = try #require(try load(reduced: false))
        let reduced = try #require(try load(reduced: true))
        let differences = zip(full.buffer.floats, reduced.buffer.floats).map { abs($0 - $1) }
        #expect(differences.contains { $0 > 0 }, "the reduced scale was used")
        #expect(differences.reduce(0, +) / Float(differences.count) < 0.02)
    }

    @Test func reducedDecodingServesGlobalAndLocalCrops() throws {
        guard isThere("photos-300.tar") else { return }
        let dataset = try ImageDatasets.open(SharedData.path("photos-300.tar"), split: .train)
        var large = Augmentation(outputSize: 64, normalization: .none(channels: 3))
        large.cropScale = 0.4...1
        var local = Augmentation(outputSize: 24, normalization: .none(channels: 3))
        local.cropScale = 0.1...0.4
        // Nothing that would hide or enlarge the difference.
        large.jitterProbability = 0
        local.jitterProbability = 0
        func load(reduced: Bool) throws -> LoadedBatch? {
            try BatchLoader(
                dataset: dataset, views: [large, large, local, local], seed: 4, reducesLargeImages: reduced
            ) { $0 == 0 ? BatchRequest(epoch: 0, samples: [0, 40, 80, 120, 160, 200, 240, 280]) : nil }.next()
        }
        let full = try #require(try load(reduced: false))
        let reduced = try #require(try load(reduced: true))
        for block in full.views {
            let differences = block.range.map { abs(full.buffer.floats[$0] - reduced.buffer.floats[$0]) }
            #expect(differences.contains { $0 > 0 }, "the reduced scale was used")
            #expect(differences.reduce(0, +) / Float(differences.count) < 0.02)
        }
    }

    @Test func fashionMNISTOfDebianIsRead() throws {
        guard let train = try? ImageDatasets.open(SharedData.fashionMNIST, split: .train) else {
            print("skipped: the package dataset-fashion-mnist is not installed")
            return
        }
        #expect(train.count == 60_000 && train.channels == 1 && train.classNames[9] == "ankle boot")
        #expect(train.label(at: 0) == 9)
        let image = try train.image(at: 0)
        #expect(image.width == 28 && image.height == 28 && image.pixels.contains { $0 > 200 })
        let test = try ImageDatasets.open(SharedData.fashionMNIST, split: .test)
        #expect(test.count == 10_000)
        for label in 0..<10 { #expect(test.labels.count { $0 == Int64(label) } == 1000) }
    }
}
