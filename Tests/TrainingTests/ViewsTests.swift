import Configuration
import ImagePipeline
import Testing
import Torch
import Training

/// From the configuration to the tensors of a step's views.
@Suite struct ViewsTests {
    func multiCrop() throws -> RunConfiguration {
        try tinyRun(steps: 1) {
            $0.augment.blur = 1
            $0.augment.second.blur = 0.1
            $0.augment.second.solarize = 0.2
            $0.augment.localViews = 3
            $0.augment.cropMin = 0.14
        }
    }

    @Test func twoGlobalViewsAreAlikeUnlessToldOtherwise() throws {
        let views = try ModelFactory.augmentations(tinyRun(steps: 1) { $0.augment.solarize = 0.3 })
        #expect(views.count == 2 && views[0] == views[1])
        #expect(views[0].solarizeProbability == 0.3 && views[0].blurProbability == 0.5 && views[0].outputSize == 16)
    }

    @Test func everyViewHasItsOwnKind() throws {
        let views = try ModelFactory.augmentations(multiCrop())
        #expect(views.map(\.outputSize) == [16, 16, 7, 7, 7])
        #expect(views.map(\.blurProbability) == [1, 0.1, 1, 1, 1])
        #expect(views.map(\.solarizeProbability) == [0, 0.2, 0, 0, 0])
        #expect(views.map(\.cropScale) == [0.14...1, 0.14...1, 0.05...0.14, 0.05...0.14, 0.05...0.14])
        #expect(views[2].brightness == views[0].brightness && views[2].normalization == views[0].normalization)
    }

    @Test func imagesOfAViewAreThoseOfTheBuffer() throws {
        let loader = try BatchLoader(
            dataset: SyntheticImages(count: 4), views: ModelFactory.augmentations(multiCrop()), seed: 3
        ) { $0 == 0 ? BatchRequest(epoch: 0, samples: [2, 0]) : nil }
        let batch = try #require(try loader.next())
        for (view, block) in batch.views.enumerated() {
            let images = try batch.images(ofView: view)
            let side = block.shape[1]
            #expect(images.shape == [2, 3, side, side])
            let expected = block.range.map { Double(batch.buffer.floats[$0]) }
            #expect(try values(images.permuted([0, 2, 3, 1])) == expected)
        }
        // The same memory: what is written there shows in the tensor.
        let images = try batch.images(ofView: 4)
        batch.buffer.floats[batch.views[4].offset] = 77
        #expect(try values(images)[0] == 77)
    }
}
