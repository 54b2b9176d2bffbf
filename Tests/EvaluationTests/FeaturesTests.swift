import Contrastive
import Evaluation
import Testing
import Torch

@Suite struct FeaturesTests {
    @Test func batchesOfAnySizeGiveTheFeaturesOfTheWhole() throws {
        let encoder = try ResNet(depth: .resNet18, form: .cifar, width: 0.0625, seed: 1)
        let count = 7 * 3 * 8 * 8
        let images = try Tensor((0..<count).map { Float($0 % 101) / 50 - 1 }, shape: [7, 3, 8, 8])
        let whole = try withoutGradient { try encoder.forward(images, mode: .inference) }
        var start = 0
        var sizes = [3, 1, 3]
        let features = try extractFeatures(with: encoder) {
            guard !sizes.isEmpty else { return nil }
            let size = sizes.removeFirst()
            defer { start += size }
            return try images.narrowed(dim: 0, start: start, length: size)
        }
        #expect(features.shape == [7, encoder.featureDimension])
        #expect(!features.requiresGradient)
        let pairs = try zip(features.floats(), whole.floats())
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
    }

    @Test func noImageAtAllIsAnError() throws {
        let encoder = try ResNet(depth: .resNet18, form: .cifar, width: 0.0625, seed: 1)
        #expect(throws: EvaluationError.self) { try extractFeatures(with: encoder) { nil } }
    }
}
