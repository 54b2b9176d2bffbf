import Torch

/// SimCLR: two augmented views of an image shall have near embeddings, views of different images far ones.
///
///     h = f(x)   encoder      z = g(h)   projector      ẑ = z/‖z‖      loss = NT-Xent(ẑ) over all 2N views
///
/// Both views of all images are normalised together. Embeddings travel round the ring of workers.
///
/// Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020.
public final class SimCLR: Method {
    public let network: Network
    /// τ.
    private let temperature: Double

    public init(encoder: any Encoder, projector: MLPHead, temperature: Double) throws {
        network = try Network(encoder: encoder, heads: [("projector", projector)])
        self.temperature = temperature
    }

    /// The head of SimCLR's own code: the last layer is normalised too, with a scale and no shift (`ProjectionHead` in
    /// `tf2/model.py` of google-research/simclr: `use_bias=False, use_bn=True`).
    public static func projector(layers: Int = 2, hidden: Int, outputs: Int) -> MLPHead.Form {
        MLPHead.Form(layers: layers, hidden: hidden, outputs: outputs, outputNorm: .scale)
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let z = try step.forward([views[0], views[1]], network)
        let wide = try z.map { try $0.wide(forPairsOf: step.workers.imageCount) }
        let share = try simCLR(wide[0], wide[1], temperature: temperature, over: step.workers)
        return MethodLoss(share: share, embeddings: z)
    }
}
