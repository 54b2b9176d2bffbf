import Torch

/// Triplet loss on two views: an image's other view shall be nearer than any view of another image, by a margin.
///
///     max(0, d(a, p) − d(a, n) + margin)   over anchors a of 2N views, p the other view, n views of other images
///
/// Which negatives count is the mining. Embeddings travel round the ring of workers.
///
/// Sources: Schroff et al., "FaceNet", CVPR 2015 (semi-hard); Hermans et al., "In Defense of the Triplet Loss", 2017 (all,
/// hard).
public final class Triplet: Method {
    public let network: Network
    private let margin: Double
    private let distance: TripletDistance
    private let mining: TripletMining

    public init(
        encoder: any Encoder, projector: MLPHead, margin: Double, distance: TripletDistance, mining: TripletMining
    ) throws {
        network = try Network(encoder: encoder, heads: [("projector", projector)])
        self.margin = margin
        self.distance = distance
        self.mining = mining
    }

    public func loss(of views: [Tensor], in step: any MethodStep) throws -> MethodLoss {
        let z = try step.forward([views[0], views[1]], network)
        let wide = try z.map { try $0.wide(forPairsOf: step.workers.imageCount) }
        let share = try tripletLoss(
            wide[0], wide[1], margin: margin, distance: distance, mining: mining, over: step.workers)
        return MethodLoss(share: share, embeddings: z)
    }
}
