import Contrastive
import Testing
import Torch

/// Gradients of weights that are computed while normalisations wait for other workers.
@Suite struct PostponedGradientsTests {
    /// The gradients of an encoder's step over two slices, and what waited at each of backward's statistics.
    private static func step(postponed: PostponedGradients?, inWaits: Bool) throws -> (
        gradients: [[Double]], ofInput: [Double], waited: [Bool]
    ) {
        let encoder = try ResNet(depth: .resNet18, form: .cifar, width: 0.125, seed: 3)
        let sums = GradientSums()
        var isBackward = false
        var waited: [Bool] = []
        let context = TrainingContext(
            reduceStatistics: { _ in
                guard isBackward, let postponed else { return }
                waited.append(!postponed.isEmpty)
                while inWaits, !postponed.isEmpty { try postponed.doNext() }
            }, slices: SlicedGradients(rows: [0..<3, 3..<4], accumulator: sums, postponed: postponed))
        let images = try noise([4, 3, 8, 8], 5).converted(to: .float32)
        try images.setRequiresGradient(true)
        let features = try encoder.forward(images, mode: .training(context))
        isBackward = true
        try features.backward(noise(features.shape, 6).converted(to: .float32))
        try postponed?.finish()
        return (
            encoder.parameters.map { sums.sums[ObjectIdentifier($0.tensor)] ?? [] },
            try values(#require(images.gradient)), waited
        )
    }

    /// Whether they fill waits, or nothing has to be waited for and those left over are computed at the end.
    @Test func areTheSameBitsWheneverTheyAreComputed() throws {
        let atOnce = try Self.step(postponed: nil, inWaits: false)
        #expect(atOnce.gradients.allSatisfy { !$0.isEmpty && $0.contains { $0 != 0 } })
        for inWaits in [true, false] {
            let later = try Self.step(postponed: PostponedGradients(), inWaits: inWaits)
            #expect(later.gradients == atOnce.gradients)
            #expect(later.ofInput == atOnce.ofInput)
        }
    }

    /// Every convolution but the first of the way back, and of the blocks' shortcuts, which share a wait, has filled one.
    @Test func areThereToFillTheWaitsOfBackward() throws {
        let waited = try Self.step(postponed: PostponedGradients(), inWaits: true).waited
        #expect(waited.count == 20)
        #expect(waited.first == false)
        #expect(waited.count { $0 } >= 15, "\(waited)")
    }

    @Test func noMoreWaitThanMayBeKept() throws {
        let postponed = PostponedGradients()
        var done: [Int] = []
        for number in 0..<10 { try postponed.postpone { done.append(number) } }
        #expect(done == Array(0..<10 - PostponedGradients.most))
        try postponed.doNext()
        #expect(done.count == 11 - PostponedGradients.most)
        try postponed.finish()
        #expect(postponed.isEmpty && done == Array(0..<10))
    }

    @Test func whatFailsIsToldAndNotTriedAgain() throws {
        struct Refused: Error {}
        let postponed = PostponedGradients()
        try postponed.postpone { throw Refused() }
        #expect(throws: Refused.self) { try postponed.finish() }
        #expect(postponed.isEmpty)
    }
}
