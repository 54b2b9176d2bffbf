import Configuration
import Contrastive
import Randomness
import Torch

/// Times a loss over all pairs of images, which grows with the square of the batch and so does not show in a small step.
struct PairLossProbe {
    private let configuration: RunConfiguration

    init(_ configuration: RunConfiguration) { self.configuration = configuration }

    /// Images whose pairs are timed.
    private static let images = 512

    /// Seconds a pair of embeddings, forward and backward; 0 for a method without such a loss.
    func seconds() throws -> Double {
        guard let loss else { return 0 }
        let count = Self.images
        var stream = Philox(seed: 1, path: [0x7061_6972])
        let views = try (0..<2).map { _ in
            let numbers = (0..<count * configuration.projector.out).map { _ in stream.normal() }
            let view = try Tensor(numbers, shape: [count, configuration.projector.out]).converted(to: .float32)
                .wide(forPairsOf: configuration.globalBatch).cloned()
            try view.setRequiresGradient(true)
            return view
        }
        let workers = OneWorker(images: count)
        var fastest = Double.infinity
        for _ in 0..<3 {
            let taken = try ContinuousClock().measure { try loss(views, workers).backward() }
            fastest = min(fastest, taken.seconds)
        }
        return fastest / Double(4 * count * count)
    }

    private var loss: (([Tensor], any Workers) throws -> Tensor)? {
        let settings = configuration.loss
        switch configuration.method {
        case .simclr: return { try simCLR($0[0], $0[1], temperature: settings.temperature, over: $1) }
        case .mocov3:
            return {
                try mocoV3(
                    $0[0], $0[1], $0[0].detached(), $0[1].detached(), temperature: settings.temperature, over: $1)
            }
        case .triplet:
            return {
                try tripletLoss(
                    $0[0], $0[1], margin: settings.margin, distance: settings.distance.value,
                    mining: settings.mining.value, over: $1)
            }
        default: return nil
        }
    }
}
